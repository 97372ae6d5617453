package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"backupportal/function/app"
)

// runText runs a command line with an empty environment and returns its output.
func runText(line string) (string, error) {
	var out strings.Builder
	err := run(strings.Fields(line), environment{getenv: func(string) string { return "" }, in: strings.NewReader(""), out: &out})
	return out.String(), err
}

func TestHelpListsEveryCommand(t *testing.T) {
	for _, line := range []string{"-h", "help", "--help", "policy -h", "audit help"} {
		out, err := runText(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
		for _, c := range commands {
			if !strings.Contains(out, "  "+c.name) || !strings.Contains(out, c.usage) {
				t.Errorf("%s: %q is not in the help:\n%s", line, c.name, out)
			}
		}
	}
}

func TestEveryCommandHasHelp(t *testing.T) {
	for _, c := range commands {
		out, err := runText(c.name + " -h")
		if err != nil || !strings.HasPrefix(out, c.name) {
			t.Errorf("%s -h: error %v, and a text that begins with another name:\n%s", c.name, err, out)
		}
	}
}

func TestVersionNamesTheProgramAndGo(t *testing.T) {
	out, err := runText("version")
	v := app.Version()
	want := fmt.Sprintf("backup-portal %s\ncommit %s\ngo     %s ", v.Module, cmp.Or(v.Commit, "unknown"), runtime.Version())
	if err != nil || !strings.HasPrefix(out, want) || !strings.HasSuffix(out, fmt.Sprintf("\nschema %d\n", v.Schema)) {
		t.Errorf("%q, error %v, want it to begin with %q", out, err, want)
	}
}

func TestUnknownCommandsAreUsageErrors(t *testing.T) {
	for _, line := range []string{"polcy", "policy", "policy chek", "audit", "version now", "migrate now", "policy check a b", "-x"} {
		if _, err := runText(line); err == nil {
			t.Errorf("%s: accepted", line)
		} else if _, usage := errors.AsType[usageError](err); !usage {
			t.Errorf("%s: %v, want a usage error", line, err)
		}
	}
	if _, err := runText("policy check nowhere.yaml"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a policy that does not exist: %v", err)
	}
}
