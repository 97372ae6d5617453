package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// maxInitAllocs is the maximum number of memory allocations that the portal's packages may make
// before main begins.
const maxInitAllocs = 320

// TestPackagesDoLittleBeforeMain proves that the portal's packages do almost nothing before
// main begins, because every new instance would pay for it. Compiling a regular expression
// there, for example, makes hundreds of allocations. The runtime counts them
// (GODEBUG=inittrace=1, package runtime).
func TestPackagesDoLittleBeforeMain(t *testing.T) {
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "version")
	cmd.Env = []string{"GODEBUG=inittrace=1"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sum, packages := 0, 0
	var ours []string
	for line := range strings.Lines(string(out)) {
		var name string
		var at, clock float64
		var bytes, allocs int
		_, err := fmt.Sscanf(line, "init %s @%f ms, %f ms clock, %d bytes, %d allocs", &name, &at, &clock, &bytes, &allocs)
		if err != nil {
			continue // the output of the command
		}
		packages++
		if strings.HasPrefix(name, "backupportal/") || name == "main" {
			sum += allocs
			ours = append(ours, line)
		}
	}
	if packages == 0 || len(ours) == 0 {
		t.Fatalf("no package was counted:\n%s", out)
	}
	if sum > maxInitAllocs {
		t.Errorf("%d allocations before main, more than %d: make values when they are first needed, or check texts with package pattern:\n%s",
			sum, maxInitAllocs, strings.Join(ours, ""))
	}
}
