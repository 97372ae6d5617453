package main

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
)

const demoPolicy = "cmd/local/policy.yaml"

// TestRAMPolicyUsageErrors proves that a wrong command line exits with status 2 and says how to
// correct it.
func TestRAMPolicyUsageErrors(t *testing.T) {
	getenv := func(string) string { return "" }
	var out bytes.Buffer
	if err := run([]string{"ram-policy", "-file", demoPolicy}, environment{getenv: getenv, out: &out}); err != nil || !strings.Contains(out.String(), "# acs:ram::1000000000000001:role/backup-portal: trust policy") {
		t.Errorf("%v\n%s", err, out.String())
	}
	data, err := os.ReadFile(demoPolicy)
	if err != nil {
		t.Fatal(err)
	}
	foreign := strings.Replace(string(data), "access: own", "access: assume_role\n    role: x", 1)
	file := t.TempDir() + "/policy.yaml"
	if err := os.WriteFile(file, []byte(foreign), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"-portal is required": {"-file", file}, "must have the form": {"-file", demoPolicy, "-portal", "backup-portal"}, "unexpected argument": {"-file", demoPolicy, "x"},
		"no such file": {"-file", "nowhere.yaml"}, "flag provided": {"-x"},
	} {
		err := run(append([]string{"ram-policy"}, args...), environment{getenv: getenv, out: &bytes.Buffer{}})
		if _, usage := errors.AsType[usageError](err); !usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
}
