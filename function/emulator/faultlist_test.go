package emulator

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"backupportal/function/emulator/fault"
	"backupportal/function/emulator/rpc"
)

// readAllPages reads pages of two jobs until a page has fewer. It returns the names of the
// jobs, with a blank between pages, and the TotalCount of the listing.
func (w *wire) readAllPages(t *testing.T) (names string, total any) {
	t.Helper()
	var pages []string
	for number := 1; ; number++ {
		got := w.post(t, w.signed(fault.Listing, rpc.Params{"PageSize": "2", "PageNumber": str(number)})).object(t)
		total = got["TotalCount"]
		var page []string
		for _, j := range got["BackupJobs"].(map[string]any)["BackupJob"].([]any) {
			page = append(page, str(j.(map[string]any)["JobName"]))
		}
		pages = append(pages, strings.Join(page, ""))
		if str(got["PageNumber"]) != str(number) {
			t.Errorf("page %d says that it is %v", number, got["PageNumber"])
		}
		if len(page) < 2 || number > 9 {
			return strings.Join(pages, " "), total
		}
	}
}

func TestListFaults(t *testing.T) {
	for _, tt := range []struct {
		fault, names string
		total        int
	}{
		{"ok", "ed cb a", 5},
		{"duplicate-page forever", "ed ed cb a", 5},
		{"ok, duplicate-page", "ed ed a", 5},
		{"shift 1 forever", "ed dc ba ", 5},
		{"ok x2, shift 2", "ed cb cb ", 5},
		{"shift -1 forever", "ed ba ", 5},
		{"shift -9 forever", "ed ", 5},
		{"shift 3 forever", "ed ed dc ba ", 5},
		{"total 0 forever", "ed cb a", 0},
		{"total 77 + shift -1 forever", "ed ba ", 77},
		{"lag 3s", "ba ", 2}, // job b was created 4 s ago, job a 3 s ago
		{"lag 1m", "", 0},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			w := newWire(t, "DescribeBackupJobs2: "+tt.fault)
			for n, name := range "abcde" {
				w.clock.advance(time.Duration(min(n, 1)) * time.Second)
				w.post(t, w.signed("CreateBackupJob", with(instanceOrder(), rpc.Params{"JobName": string(name)})))
			}
			names, total := w.readAllPages(t)
			if names != tt.names || str(total) != str(tt.total) {
				t.Errorf("pages %q, TotalCount %v, want %q and %d", names, total, tt.names, tt.total)
			}
		})
	}
}

// TestLagFollowsClock proves the fault lag: a new job is in the ledger immediately, but in the
// listing only when the emulator's clock has advanced by the lag.
func TestLagFollowsClock(t *testing.T) {
	w := newWire(t, "DescribeBackupJobs2: lag 20s")
	w.create(t)
	for _, want := range []int{0, 0, 1, 1} {
		got := w.list(t, portal, nil)
		if len(got) != want {
			t.Errorf("%v after its creation %d jobs are listed", w.clock.Now().Sub(w.Ledger().Jobs[0].CreatedAt), len(got))
		}
		if call := w.lastCall(t); !call.Effect || call.Fault != "lag 20s" {
			t.Errorf("the ledger has effect %v, fault %q", call.Effect, call.Fault)
		}
		w.clock.advance(10 * time.Second)
	}
}

func ExampleCloud_SetFaults() {
	cloud, err := New(Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(cloud.SetFaults("CreateBackupJob: drop-after; DescribeBackupJobs2: lag 20s; *: throttle 5%; seed 7"))
	fmt.Println(cloud.Faults())
	fmt.Println(cloud.SetFaults("CreateBackupJob: drop-afterwards"))
	// Output:
	// <nil>
	// seed 7; CreateBackupJob: drop-after; DescribeBackupJobs2: lag 20s forever; *: throttle 5% forever
	// column 18: there is no fault "drop-afterwards"
}
