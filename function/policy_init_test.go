package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// initAt runs policy init with arguments and answers. It returns the output, and the text of the written file or ""
// if no file was written. It fails the test if policy check refuses the file.
func initAt(t *testing.T, answers string, args ...string) (out, text string, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	var written strings.Builder
	err = run(append(append([]string{"policy", "init"}, args...), file),
		environment{getenv: func(string) string { return "" }, in: strings.NewReader(answers), out: &written})
	content, readErr := os.ReadFile(file)
	if err == nil && readErr != nil {
		t.Fatal(readErr)
	}
	if err == nil {
		if out, err := runText("policy check " + file); err != nil || !strings.Contains(out, "is a policy") {
			t.Errorf("policy check: %v\n%s\n%s", err, out, content)
		}
	}
	return written.String(), string(content), err
}

func TestPolicyInitFromFlags(t *testing.T) {
	base := []string{"-account", "1234567890123456", "-regions", "cn-hangzhou,cn-shanghai", "-alias", "prod", "-days", "2-14"}
	for name, c := range map[string]struct{ args, says []string }{
		"a group":   {[]string{"-member", "group:on call", "-issuer", "https://sso.example.com", "-instances", "any"}, []string{`{issuer: "https://sso.example.com", group: "on call"}`, "any_instance: true"}},
		"a domain":  {[]string{"-member", "email_domain:example.com", "-issuer", "https://sso.example.com", "-instances", "i-a, i-b"}, []string{`email_domain: "example.com"`, `instances: ["i-a", "i-b"]`}},
		"a program": {[]string{"-member", "source:ci", "-instances", "any"}, []string{`- {source: "ci"}`, `regions: ["cn-hangzhou", "cn-shanghai"]`, "{min: 2, max: 14}"}},
		"events":    {[]string{"-member", "event:timer", "-instances", "any"}, []string{`- {event: "timer"}`, `account_id: "1234567890123456"`}},
	} {
		out, text, err := initAt(t, "", append(base, c.args...)...)
		if err != nil || !strings.Contains(out, "wrote ") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		for _, part := range c.says {
			if !strings.Contains(text, part) {
				t.Errorf("%s: %q is missing in\n%s", name, part, text)
			}
		}
	}
}

func TestPolicyInitAsksForTheRest(t *testing.T) {
	answers := "12345\n1234567890123456\n\ncn-hangzhou\nnobody\nsubject:alice\nhttps://sso.example.com\nany\n\n"
	out, text, err := initAt(t, answers)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, part := range []string{"write 16 digits", "write group:NAME", "[main]", "[1-30]"} {
		if !strings.Contains(out, part) {
			t.Errorf("%q is missing in\n%s", part, out)
		}
	}
	for _, part := range []string{`alias: "main"`, `subject: "alice"`, "{min: 1, max: 30}"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in\n%s", part, text)
		}
	}
}

func TestPolicyInitWritesNothingInvalid(t *testing.T) {
	whole := []string{"-account", "1234567890123456", "-regions", "cn-hangzhou", "-member", "source:ci", "-instances", "any", "-days", "1-30", "-alias", "main"}
	for name, c := range map[string]struct {
		args    []string
		answers string
		says    string
	}{
		"no answer":          {nil, "", "-account is required"},
		"answers end":        {nil, "1234567890123456\n\n", "-regions is required"},
		"a bad flag":         {append(whole, "-account", "1"), "", "-account 1: write 16 digits"},
		"an unknown region":  {append(whole, "-regions", "mars"), "", `does not support region "mars"`},
		"a bad id":           {append(whole, "-instances", "web01"), "", "nothing was written"},
		"days the wrong way": {append(whole, "-days", "9-2"), "", "is below min"},
		"a quote":            {append(whole, "-alias", `a"b`), "", "nothing was written"},
	} {
		_, text, err := initAt(t, c.answers, c.args...)
		if _, usage := errors.AsType[usageError](err); !usage || !strings.Contains(err.Error(), c.says) || text != "" {
			t.Errorf("%s: %v, wrote %q", name, err, text)
		}
	}
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := run(append(append([]string{"policy", "init"}, whole...), file), environment{getenv: os.Getenv, in: strings.NewReader(""), out: &strings.Builder{}})
	if text, _ := os.ReadFile(file); err == nil || string(text) != "mine" {
		t.Errorf("an existing file: %v, now %q", err, text)
	}
}
