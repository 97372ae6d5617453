package fault

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// newPlan parses text and returns a plan. The text must be valid.
func newPlan(t interface{ Fatal(...any) }, text string) *Plan {
	s, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return NewPlan(s)
}

// next returns the faults of the next call with a valid signature, joined by " + ".
func (p *Plan) next(action string) string {
	faults, ok := p.Take(action, OnTheWay)
	if !ok {
		faults, _ = p.Take(action, AtGate)
	}
	return Join(faults, " + ")
}

func TestPlanTakesStepsInOrder(t *testing.T) {
	p := newPlan(t, "CreateBackupJob: ok, throttle x2, 500-after; *: drop x2, latency 1s forever")
	var got []string
	for _, action := range strings.Fields(
		"CreateBackupJob AssumeRole CreateBackupJob CreateBackupJob CreateBackupJob CreateBackupJob AssumeRole CreateBackupJob") {
		got = append(got, action+": "+p.next(action))
	}
	want := []string{
		"CreateBackupJob: ok", "AssumeRole: drop", "CreateBackupJob: throttle", "CreateBackupJob: throttle",
		"CreateBackupJob: 500-after", "CreateBackupJob: drop", "AssumeRole: latency 1s", "CreateBackupJob: latency 1s",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestLeftIsAValidSchedule(t *testing.T) {
	p := newPlan(t, "seed 7; CreateBackupJob: drop x2, 500; AssumeRole: expired")
	for _, want := range []string{
		"seed 7; CreateBackupJob: drop x2, 500; AssumeRole: expired",
		"seed 7; CreateBackupJob: drop, 500; AssumeRole: expired",
		"seed 7; CreateBackupJob: 500; AssumeRole: expired",
		"seed 7; AssumeRole: expired",
	} {
		if got := p.Left(); got != want {
			t.Errorf("left is %q, want %q", got, want)
		}
		p.next("CreateBackupJob")
	}
	p.next("AssumeRole")
	if got := p.Left(); got != "" {
		t.Errorf("left is %q at the end", got)
	}
}

// TestSeedRepeatsFaults proves that the same seed gives the same random faults to the same
// calls, even if other operations are called between them.
func TestSeedRepeatsFaults(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64Min(1).Draw(t, "seed")
		order := rapid.SliceOf(rapid.SampledFrom([]string{"CreateBackupJob", "AssumeRole", Listing})).Draw(t, "order")
		text := fmt.Sprintf("seed %d; *: drop 30%% | 500 20%% | latency 1s 10%%", seed)
		p := newPlan(t, text)
		seen := map[string][]string{}
		for _, action := range order {
			seen[action] = append(seen[action], p.next(action))
		}
		for action, want := range seen {
			alone := newPlan(t, text)
			for n := range want {
				if got := alone.next(action); got != want[n] {
					t.Fatalf("call %d of %s had %q among others and %q alone", n+1, action, want[n], got)
				}
			}
		}
	})
}

func TestPercentageFrequency(t *testing.T) {
	p := newPlan(t, "seed 42; *: drop 30% | 500 1%")
	counts := map[string]int{}
	for range 10_000 {
		counts[p.next("CreateBackupJob")]++
	}
	// Each bound is five standard deviations from the expected number: 229 calls for the fault
	// drop, 50 calls for the fault 500.
	if n := counts["drop"]; n < 2771 || n > 3229 {
		t.Errorf("30%% of 10000 were %d", n)
	}
	if n := counts["500"]; n < 50 || n > 150 {
		t.Errorf("1%% of 10000 were %d", n)
	}
	other := newPlan(t, "seed 43; *: drop 30% | 500 1%")
	same := newPlan(t, "seed 42; *: drop 30% | 500 1%")
	for range 100 {
		if same.next("CreateBackupJob") != other.next("CreateBackupJob") {
			return
		}
	}
	t.Error("another seed gives the same faults")
}

func TestPlanConcurrentTake(t *testing.T) {
	p := newPlan(t, "CreateBackupJob: drop x50, 500 x50")
	var mu sync.Mutex
	counts := map[string]int{}
	var wg sync.WaitGroup
	for range 120 {
		wg.Go(func() {
			got := p.next("CreateBackupJob")
			mu.Lock()
			defer mu.Unlock()
			counts[got]++
		})
	}
	wg.Wait()
	if diff := cmp.Diff(map[string]int{"drop": 50, "500": 50, "": 20}, counts); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}
