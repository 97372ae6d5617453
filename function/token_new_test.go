package main

import (
	"bytes"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"backupportal/function/identity"
	"backupportal/function/policy"
)

// TestNewTokenEntryIsAccepted proves that the printed entry is a valid part of a policy, and
// the policy then accepts the token until it expires.
func TestNewTokenEntryIsAccepted(t *testing.T) {
	var out bytes.Buffer
	now := time.Date(2026, 11, 26, 12, 30, 0, 0, time.UTC)
	if err := printToken([]string{"-source", "ci-payments", "-days", "30"}, now, &out); err != nil {
		t.Fatal(err)
	}
	token := regexp.MustCompile(`hbp_[A-Za-z0-9_-]{43}`).FindString(out.String())
	entry := regexp.MustCompile(`(?m)^  - \{source.*\}$`).FindString(out.String())
	if token == "" || entry == "" || strings.Count(out.String(), token) != 1 {
		t.Fatalf("it prints\n%s", out.String())
	}
	file, err := os.ReadFile("cmd/local/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load(bytes.Replace(file, []byte("rules:"), []byte("tokens:\n"+entry+"\nrules:"), 1), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Duration]bool{0: true, 30*24*time.Hour - 31*time.Minute: true, 30 * 24 * time.Hour: false} {
		if got, ok := identity.Known(p.Tokens(), token, now.Add(at)); ok != want || ok && (got.Source != "ci-payments" || got.ID != "t20261126") {
			t.Errorf("after %v: %+v, %v", at, got, ok)
		}
	}
	if _, ok := identity.Known(p.Tokens(), token[:len(token)-1]+"!", now); ok {
		t.Error("another token is known, too")
	}
	for _, wrong := range []string{"", "-source Ci", "-source ci -days 0", "-source ci -days 1000", "-source ci more", "-what"} {
		if _, usage := errors.AsType[usageError](run(append([]string{"token", "new"}, strings.Fields(wrong)...), environment{getenv: nil, out: &out})); !usage {
			t.Errorf("token new %s is taken", wrong)
		}
	}
}
