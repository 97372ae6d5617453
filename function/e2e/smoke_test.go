package e2e

import (
	"strings"
	"testing"

	"backupportal/function/event/runtimetest"
)

// TestSmokeOfTheBuiltProgram runs the command smoke of the built program against the same program, as a plain server and
// behind Function Compute. Without a database, the function loses submissions, and the command says so.
func TestSmokeOfTheBuiltProgram(t *testing.T) {
	t.Parallel()
	server := onServer(t)
	out, code := runProgram(t, nil, "smoke", "--url", server.url)
	if code != 0 || strings.Count(out, "ok        ") != 7 {
		t.Errorf("plain server: exit status %d\n%s", code, out)
	}
	if n := len(server.calls("CreateBackupJob")); n != 0 {
		t.Errorf("%d backups were started", n)
	}
	out, code = runProgram(t, nil, "smoke", "--url", onFC(t, runtimetest.FCTrigger{}).url)
	if code != 1 || strings.Count(out, "FAILED") != 1 || !strings.Contains(out, "set DATABASE_URL") {
		t.Errorf("Function Compute: exit status %d\n%s", code, out)
	}
}
