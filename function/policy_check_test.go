package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPolicyCheckNamesTheLine(t *testing.T) {
	good, bad := filepath.Join("cmd", "local", "policy.yaml"), filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(bad, []byte("version: 1\nenabled: true\nacounts: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run([]string{"policy", "check", good}, environment{getenv: os.Getenv, out: &out}); err != nil || !strings.Contains(out.String(), "is a policy") {
		t.Errorf("got %q, error %v", out.String(), err)
	}
	hidden := filepath.Join(t.TempDir(), "policy.yaml")
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hidden, []byte(strings.Replace(string(text), `Retention: "90"`, `Retention: "9000"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{"policy", "check", hidden}, environment{getenv: os.Getenv, out: &out}); err != nil || !strings.Contains(out.String(), "warning: no rule allows the values of preset web-files") {
		t.Errorf("got %q, error %v", out.String(), err)
	}
	if err := run([]string{"policy", "check", bad}, environment{getenv: os.Getenv, out: &out}); err == nil || !strings.Contains(err.Error(), "line 3") || !strings.Contains(err.Error(), "acounts") {
		t.Errorf("got %v, want line 3 and the key", err)
	}
	if err := run([]string{"polcy"}, environment{getenv: os.Getenv, out: &out}); err == nil {
		t.Error("an unknown command was taken")
	}
}
