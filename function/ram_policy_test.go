package main

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
)

const demoPolicy = "cmd/local/policy.yaml"

// TestRAMPolicyHasWhatThePlatformNeeds proves that the role of the function may invoke the function that carries out batches, and
// send to the queue of failed events; and that a user, whose key another platform has, gets neither.
func TestRAMPolicyHasWhatThePlatformNeeds(t *testing.T) {
	invoke := `"Action":["fc:InvokeFunction"],"Resource":["acs:fc:*:*:functions/portal-batches"]`
	send := func(queue string) string {
		return `"Action":["mns:SendMessage"],"Resource":["acs:mns:*:*:/queues/` + queue + `/messages"]`
	}
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		want []string // of invoke and send; none else
	}{
		"defaults":  {nil, nil, []string{send("backup-portal-failed")}},
		"variables": {map[string]string{"BATCH_FUNCTION": "portal-batches", "FAILED_EVENTS_QUEUE": "lost"}, nil, []string{invoke, send("lost")}},
		"flags":     {nil, []string{"-batches", "portal-batches", "-failed", ""}, []string{invoke}},
		"user":      {nil, []string{"-batches", "portal-batches", "-portal", "acs:ram::1000000000000001:user/portal"}, nil},
	} {
		var out bytes.Buffer
		args := append([]string{"ram-policy", "-file", demoPolicy, "-json"}, c.args...)
		if err := run(args, environment{getenv: func(name string) string { return c.env[name] }, out: &out}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text := strings.Join(strings.Fields(out.String()), "")
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %s in\n%s", name, want, out.String())
			}
		}
		if n := strings.Count(text, "fc:Invoke") + strings.Count(text, "mns:"+"Send"); n != len(c.want) {
			t.Errorf("%s: %d statements of the platform, want %d", name, n, len(c.want))
		}
	}
}

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
		"name of a function": {"-file", demoPolicy, "-batches", "a b"}, "name of a queue": {"-file", demoPolicy, "-failed", "a/b"},
	} {
		err := run(append([]string{"ram-policy"}, args...), environment{getenv: getenv, out: &bytes.Buffer{}})
		if _, usage := errors.AsType[usageError](err); !usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
}
