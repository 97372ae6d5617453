package backup_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/policy"
)

// replaced returns the policy of the fixture after text replacements. The arguments are pairs: an
// old text, then its new text.
func replaced(t *testing.T, texts ...string) *policy.Policy {
	t.Helper()
	file, err := os.ReadFile("../cmd/local/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file = bytes.Replace(file, []byte("members:\n"), []byte("members:\n      - {issuer: \"https://test.example\", group: testers}\n"), 1)
	for i := 0; i < len(texts); i += 2 {
		if !bytes.Contains(file, []byte(texts[i])) {
			t.Fatalf("the policy does not contain %q", texts[i])
		}
		file = bytes.ReplaceAll(file, []byte(texts[i]), []byte(texts[i+1]))
	}
	p, err := policy.Load(file, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestAttemptSendsWhatIsRecorded tests a submission that was stored but not sent, and a policy
// that has changed since. The portal must send exactly the stored values, or refuse them
// because the current policy forbids them. It must never send other values.
func TestAttemptSendsWhatIsRecorded(t *testing.T) {
	const days = "\n    retention_days: {min: 1, max: 365}"
	for name, c := range map[string]struct {
		change []string
		denied string // field that the refusal names; empty if the submission is sent
	}{
		"the same policy":       {nil, ""},
		"another default":       {[]string{days, "\n    retention_days: {min: 1, max: 365, default: 300}"}, ""},
		"a rule beside it":      {[]string{"any_instance: true", "instances: [i-bp1demoweb01]"}, ""},
		"fewer days":            {[]string{days, "\n    retention_days: {min: 8, max: 365, default: 30}"}, "Retention"},
		"another instance":      {[]string{"any_instance: true", "instances: [i-bp1demoweb02]"}, "InstanceId"},
		"another account":       {[]string{"\"1000000000000001\"", "\"1000000000000009\""}, "Account"},
		"another kind":          {[]string{"source_types: [UDM_ECS, ECS_FILE, CONTAINER]", "source_types: [ECS_FILE, CONTAINER]"}, "SourceType"},
		"a default of today":    {[]string{days, "\n    defaults: {Detail.diskIdList: '[\"d-bp1demoweb01\"]'}" + days}, "Detail.diskIdList"},
		"an enforced parameter": {[]string{days, "\n    enforced: {BackupType: COMPLETE, Detail.appConsistent: \"true\"}" + days}, "Detail.appConsistent"},
	} {
		t.Run(name, func(t *testing.T) {
			r := withAudit(t, newFixture(t))
			r.Policy = replaced(t, days, "\n    retention_days: {min: 1, max: 365, default: 7}")
			sub := submission("k")
			delete(sub.Params, "Retention") // the policy's default is recorded
			r.fail(t, "CreateBackupJob: throttle x3")
			if _, err := r.Submit(t.Context(), sub); !errors.Is(err, backup.ErrNotSent) {
				t.Fatalf("throttled: %v", err)
			}
			before := r.sends()
			r.Policy = limitingPolicy{replaced(t, c.change...), backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 9}}}}
			answer, err := r.Submit(t.Context(), sub)
			if c.denied != "" {
				denied, ok := errors.AsType[*backup.DeniedError](err)
				if !ok || denied.SubmissionID == "" || r.sends() != before {
					t.Fatalf("%+v, %v, %d sends after %d", answer.Status, err, r.sends(), before)
				}
				found := false
				for _, line := range denied.Lines {
					found = found || line.Field == c.denied
				}
				if !found {
					t.Errorf("the refusal names %v, want %s", denied.Lines, c.denied)
				}
				if told := r.auditSummary(t); strings.Count(told, "denied") != 1 {
					t.Errorf("one refusal is told as %s", told)
				}
				return
			}
			if err != nil || answer.Status != backup.StateCreated || r.jobs() != 1 {
				t.Fatalf("%+v, %v, %d jobs", answer.Status, err, r.jobs())
			}
			record, err := r.Store.Find(t.Context(), answer.SubmissionID)
			if err != nil || record.Complete["Retention"] != "7" || len(record.PolicyHash) != 64 || record.CallerID == "" {
				t.Errorf("the record: %+v, %v", record, err)
			}
			calls := r.cloud.Ledger().CallsOf("CreateBackupJob")
			last := calls[len(calls)-1]
			for name, want := range map[string]string{"Retention": "7", "JobName": answer.JobName, "InstanceId": "i-bp1demoweb01"} {
				if got := last.Parameters[name]; got != want {
					t.Errorf("the cloud received %s=%q, want %q", name, got, want)
				}
			}
			if strings.Contains(last.Parameters["Retention"], "300") {
				t.Error("the policy in force changed the record")
			}
		})
	}
}

// TestRepeatWithoutTheDefaultOfEarlier tests a repeat of a submission that got a value from the
// policy, after the policy has lost that default and allows other values only. The repeat gets
// the earlier answer, or one refusal if nothing was sent. A new submission without the value is
// invalid and is not stored.
func TestRepeatWithoutTheDefaultOfEarlier(t *testing.T) {
	const days = "\n    retention_days: {min: 1, max: 365}"
	earlier := replaced(t, days, "\n    retention_days: {min: 1, max: 365, default: 7}")
	later := replaced(t, days, "\n    retention_days: {min: 8, max: 365}")
	for fault, c := range map[string]struct {
		want   backup.State
		denied int
	}{
		"":                             {backup.StateCreated, 0},
		"CreateBackupJob: drop":        {backup.StateUnknown, 0},
		"CreateBackupJob: throttle x3": {"", 1},
	} {
		r := withAudit(t, newFixture(t))
		r.Policy = earlier
		r.fail(t, fault)
		sub := submission("k")
		delete(sub.Params, "Retention")
		if first, err := r.Submit(t.Context(), sub); (err != nil) != (c.denied > 0) {
			t.Fatalf("%q: %+v, %v", fault, first, err)
		}
		r.fail(t, "")
		r.Policy = later
		sends := r.sends()
		answer, err := r.Submit(t.Context(), sub)
		if errors.Is(err, backup.ErrDenied) != (c.denied > 0) || answer.Status != c.want || r.sends() != sends {
			t.Errorf("%q: the repeat: %s, %v, %d sends", fault, answer.Status, err, r.sends()-sends)
		}
		told := r.auditSummary(t)
		if strings.Count(told, "denied") != c.denied {
			t.Errorf("%q: told %s", fault, told)
		}
		sub.Key = "new"
		if _, err := r.Submit(t.Context(), sub); mistakesOf(err) != "Retention" || r.auditSummary(t) != told || r.sends() != sends {
			t.Errorf("%q: a new one: %v, told %s", fault, err, r.auditSummary(t))
		}
	}
}

// TestUnresolvedAttemptIsNotJudgedAgain proves that a changed policy does not refuse a repeat
// while it is unknown whether the first call started a job. When the cloud's list shows that it
// did not, the current policy decides.
func TestUnresolvedAttemptIsNotJudgedAgain(t *testing.T) {
	const days = "\n    retention_days: {min: 1, max: 365}"
	r := newFixture(t)
	r.fail(t, "CreateBackupJob: drop")
	sub := submission("k")
	if first, err := r.Submit(t.Context(), sub); err != nil || first.Status != backup.StateUnknown {
		t.Fatalf("%+v, %v", first, err)
	}
	enforced := replaced(t, days, "\n    enforced: {Detail.appConsistent: \"true\"}"+days)
	r.Policy = limitingPolicy{enforced, backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 9}}}}
	if _, err := r.Submit(t.Context(), sub); !errors.Is(err, backup.ErrInProgress) {
		t.Errorf("while nothing is known: %v", err)
	}
	r.clock.Add(2 * time.Minute)
	if _, err := r.Submit(t.Context(), sub); !errors.Is(err, backup.ErrDenied) || r.sends() != 1 {
		t.Errorf("when it is known: %v, %d sends", err, r.sends())
	}
}
