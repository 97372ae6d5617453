package emulator

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/emulator/sign"
	"backupportal/function/emulator/world"
)

// nodeClients is the directory with scripts that use the vendor's npm packages. A benchmark in
// function/e2e uses the packages too.
const nodeClients = "../../.ci/emulator-clients"

// needClients skips the test if Node.js or the packages are not installed. With CI=true it fails
// the test instead.
func needClients(t *testing.T) {
	t.Helper()
	without := ""
	if _, err := exec.LookPath("node"); err != nil {
		without = "there is no node: install Node.js 20 or newer"
	} else if _, err := os.Stat(filepath.Join(nodeClients, "node_modules")); err != nil {
		without = "there are no clients: npm ci --prefix .ci/emulator-clients"
	}
	switch {
	case without != "" && os.Getenv("CI") == "true":
		t.Fatal(without)
	case without != "":
		t.Skip("left out, the vendor's clients for Node.js: " + without)
	}
}

// A clientReport is the output of a script that uses one of the vendor's clients: the answers
// that the client received.
type clientReport struct {
	Refused   string   `json:"refused"` // Code of the answer to a request with a wrong secret
	Arn       string   `json:"arn"`
	Code      string   `json:"code"`
	Job       string   `json:"job"`
	Before    []string `json:"before"`
	Cancelled bool     `json:"cancelled"`
	After     []string `json:"after"`
}

func TestVendorNodeClients(t *testing.T) {
	needClients(t)
	for _, tt := range []struct{ name, script, way, scheme, method string }{
		{"pop-core by GET", "pop-core.js", "GET", "1.0", "GET"},
		{"pop-core by POST", "pop-core.js", "POST", "1.0", "POST"},
		{"openapi-client", "openapi-client.js", "", sign.ACS3, "POST"},
		{"openapi-client with V2", "openapi-client.js", "v2", "1.0", "POST"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, domain := serveDemo(t)
			cmd := exec.CommandContext(t.Context(), "node", tt.script, domain, world.DemoKey, world.DemoSecret, operatorARN, "i-bp2demopay01", tt.way)
			cmd.Dir = nodeClients
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, &stderr)
			}
			var got clientReport
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatalf("%v in %s", err, out)
			}
			checkReport(t, c, got)
			for _, call := range c.Ledger().Calls {
				if call.Method != tt.method || (call.Common["x-acs-date"] != "") != (tt.scheme == sign.ACS3) {
					t.Errorf("%s was a %s with %v", call.Action, call.Method, call.Common)
				}
				if len(call.Unknown) > 0 {
					t.Errorf("%s has the unknown parameters %v", call.Action, call.Unknown)
				}
			}
		})
	}
}

// checkReport checks that what the client received agrees with what the emulator recorded in
// its ledger.
func checkReport(t *testing.T, c *Cloud, got clientReport) {
	t.Helper()
	ledger := c.Ledger()
	if len(ledger.Jobs) != 1 {
		t.Fatalf("%d jobs were made", len(ledger.Jobs))
	}
	job := ledger.Jobs[0]
	if job.AccountID != world.DemoPaymentsAccount || job.Region != "cn-hangzhou" || job.Name != "a b*c~d+é!'()&=%/?" {
		t.Errorf("the job is %+v", job)
	}
	if len(got.Before) != 1 || len(got.After) != 1 || !strings.HasPrefix(got.Before[0], job.ID+" ") {
		t.Fatalf("listed %v, then %v", got.Before, got.After)
	}
	if after := strings.TrimPrefix(got.After[0], job.ID+" "); after != "CANCELED" && after != "CANCELING" {
		t.Errorf("after cancelling the job is %s", after)
	}
	want := clientReport{
		Refused: "SignatureDoesNotMatch", Arn: operatorARN + "/foreign-client", Code: "200", Job: job.ID,
		Before: got.Before, Cancelled: true, After: got.After,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the client's story (-want +got):\n%s", diff)
	}
	var actions []string
	for _, call := range ledger.Calls {
		actions = append(actions, call.Action)
	}
	if want := []string{"GetCallerIdentity", "AssumeRole", "CreateBackupJob", "DescribeBackupJobs2",
		"CancelBackupJob", "DescribeBackupJobs2"}; !cmp.Equal(want, actions) {
		t.Errorf("calls were %v, want %v: has a client tried again?", actions, want)
	}
}
