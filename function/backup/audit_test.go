package backup_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"backupportal/function/audit"
	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/secret"
	"backupportal/function/store/storetest"
)

// auditKey is the key of the audit trail in tests.
var auditKey = secret.New("a key of the audit trail with 32 bytes or more")

// withAudit makes the fixture write an audit trail to its store. The chains get the names
// chain-01, chain-02 and so on.
func withAudit(t testing.TB, r *fixture) *fixture {
	t.Helper()
	chains := 0
	log, err := audit.New(audit.Config{
		Sink: r.Store.(storetest.Trail), Key: auditKey, Log: slog.New(slog.DiscardHandler), Now: r.clock.Now, Build: "v1", Policy: "abc",
		NewID: func() string { chains++; return fmt.Sprintf("chain-%02d", chains) },
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Audit = log
	return r
}

// trail returns all audit records. It fails the test if their seals or numbers are not valid.
func (r *fixture) trail(t testing.TB) (records []audit.Record) {
	t.Helper()
	db := r.Limits.(storetest.Trail)
	for row, err := range db.AuditTrail(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		var one audit.Record
		if err := json.Unmarshal([]byte(row.Body), &one); err != nil {
			t.Fatal(err)
		}
		records = append(records, one)
	}
	report, err := audit.Verify(db.AuditTrail(t.Context()), []secret.String{auditKey}, time.Time{})
	if err != nil || len(report.Findings) > 0 {
		t.Errorf("the trail is not whole: %+v, %v", report, err)
	}
	return records
}

// auditSummary returns a short form of the audit trail: the event, the step number and the class of
// each record. It omits AuditStart records.
func (r *fixture) auditSummary(t testing.TB) string {
	t.Helper()
	var words []string
	for _, one := range r.trail(t) {
		if one.Event == backup.AuditStart {
			continue
		}
		word := string(one.Event)
		if one.Submission.ID != "" {
			word += fmt.Sprint(" ", one.Submission.N)
		}
		if one.Outcome.Class != "" {
			word += " " + one.Outcome.Class
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

// TestAuditOfSubmission proves that the audit trail of a submission has two records: its intent
// before the call of the cloud, and the outcome after it. Both have the principal, the request
// and the target. A repeated submission adds no record.
func TestAuditOfSubmission(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		r := withAudit(t, newFixtureOn(t, url))
		r.Policy = anyReceiver{r.Policy}
		ctx := backup.WithRequestInfo(t.Context(), backup.RequestInfo{RequestID: "request-1", ClientIP: "192.0.2.7"})
		sub := submission("k")
		sub.Principal.Key = "session-1"
		sub.Params = maps.Clone(sub.Params)
		sub.Params["Reason"], sub.Params["Ticket"] = "Before the schema change", "OPS-7"
		sub.Params["Notify"] = `["team-chat","incidents"]`
		answer, err := r.Submit(ctx, sub)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := r.Submit(ctx, sub); err != nil || !again.Replayed {
			t.Fatal(again, err)
		}
		records := r.trail(t)
		if got := r.auditSummary(t); got != "intent 0, outcome 0 success" {
			t.Fatalf("told %s", got)
		}
		intent, outcome := records[1], records[2]
		for _, one := range []audit.Record{intent, outcome} {
			if one.Actor.Subject != "alice" || one.Actor.Kind != identity.KindHuman || one.Actor.Key != "session-1" || one.Request.ID != "request-1" ||
				one.Request.ClientIP != "192.0.2.7" || one.Request.Door != backup.DoorAPI || one.Submission.ID != answer.SubmissionID ||
				one.Target.Action != backup.ActionCreate || one.Target.Account != "demo" || one.Target.Resource != "i-bp1demoweb01" || one.Target.Retention != "7" ||
				one.Submission.Reason != "Before the schema change" || one.Submission.Ticket != "OPS-7" ||
				!slices.Equal(one.Submission.Notify, []string{"team-chat", "incidents"}) {
				t.Errorf("%+v", one)
			}
		}
		if !intent.Decision.Allow || intent.Decision.Rule == "" || intent.Decision.Policy != "abc" {
			t.Errorf("decision %+v", intent.Decision)
		}
		if outcome.Outcome.JobID != answer.Last.JobID || outcome.Outcome.RequestID == "" {
			t.Errorf("outcome %+v", outcome.Outcome)
		}
	})
}

// TestNoSendWithoutAuditIntent proves that the cloud is not called if the audit record that
// announces the call cannot be stored. The step log then has no attempt either.
func TestNoSendWithoutAuditIntent(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		r := withAudit(t, newFixtureOn(t, url))
		id := r.startRunningJob(t, "running", "1m")
		before := len(r.cloud.Ledger().Calls)
		if err := storetest.Exec(url, "ALTER TABLE audit RENAME TO elsewhere"); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Submit(t.Context(), submission("k")); !errors.Is(err, backup.ErrStoreUnavailable) {
			t.Errorf("submitting: %v", err)
		}
		if kinds, err := storetest.Log(url, submission("k").ID()); kinds != "" || err != nil {
			t.Errorf("the log: %q, %v", kinds, err)
		}
		if _, err := r.Cancel(t.Context(), bob, id); !errors.Is(err, backup.ErrStoreUnavailable) {
			t.Errorf("cancelling: %v", err)
		}
		for _, call := range r.cloud.Ledger().Calls[before:] {
			if !strings.HasPrefix(call.Action, "Describe") && call.Action != "AssumeRole" {
				t.Errorf("the cloud heard %s", call.Action)
			}
		}
		if err := storetest.Exec(url, "ALTER TABLE elsewhere RENAME TO audit"); err != nil {
			t.Fatal(err)
		}
		if answer, err := r.Submit(t.Context(), submission("k")); err != nil || answer.Status != backup.StateCreated {
			t.Errorf("afterwards: %s, %v", answer.Status, err)
		}
	})
}

func TestAuditOfEachOutcome(t *testing.T) {
	for name, c := range map[string]struct {
		faults string
		want   string
	}{
		"refused":            {"CreateBackupJob: refuse 404 VaultNotExist", "intent 0, outcome 0 refused"},
		"throttled once":     {"CreateBackupJob: throttle", "intent 0, outcome 0 no_effect, intent 2, outcome 2 success"},
		"throttled too long": {"CreateBackupJob: throttle x3", "intent 0, outcome 0 no_effect, intent 2, outcome 2 no_effect, intent 4, outcome 4 no_effect"},
		"lost":               {"CreateBackupJob: drop-after", "intent 0, outcome 0 unknown, reconciled 0 success"},
		"never arrived":      {"CreateBackupJob: drop", "intent 0, outcome 0 unknown, reconciled 0 no_effect"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := withAudit(t, newFixture(t))
			r.fail(t, c.faults)
			answer, err := r.Submit(t.Context(), submission("k"))
			if busy := (*backup.BusyError)(nil); err != nil && !errors.As(err, &busy) {
				t.Fatal(err)
			}
			if answer.Status == backup.StateUnknown {
				r.clock.Add(2 * time.Minute)
				if _, err := r.Sweep(t.Context(), 400*24*time.Hour); err != nil {
					t.Fatal(err)
				}
			}
			if got := r.auditSummary(t); got != c.want {
				t.Errorf("told %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestAuditOfRefusalsAndLimits(t *testing.T) {
	r := withAudit(t, newFixture(t))
	stranger := submission("k")
	stranger.Principal.Groups = nil
	if _, err := r.Submit(t.Context(), stranger); !errors.Is(err, backup.ErrDenied) {
		t.Fatal(err)
	}
	r.Policy = limitingPolicy{r.Policy, backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 0}}}}
	if _, err := r.Submit(t.Context(), submission("k")); !errors.Is(err, backup.ErrQuota) {
		t.Fatal(err)
	}
	r.Requests = backup.Rate{Burst: 1, Per: time.Hour}
	for range 5 {
		_ = r.CountRequest(t.Context(), stranger.Principal)
	}
	want := "denied 0, limit 0 the backups of the day are used up, limit too many requests"
	if got := r.auditSummary(t); got != want {
		t.Errorf("told %s\nwant %s", got, want)
	}
	for _, one := range r.trail(t) {
		if one.Event == backup.AuditDenied && (one.Decision.Allow || len(one.Decision.Lines) == 0 || one.Decision.Policy != "abc") {
			t.Errorf("denied: %+v", one.Decision)
		}
		if one.Event == backup.AuditLimit && one.Outcome.Limit == "" {
			t.Errorf("limit: %+v", one.Outcome)
		}
	}
	if n := len(r.cloud.Ledger().Calls); n != 0 {
		t.Errorf("%d calls", n)
	}
}

// TestAuditOfCancel proves that a cancellation has an audit record before the call of the cloud
// and one after it. Both name the principal who cancels. A cancellation that the policy refuses
// is recorded too.
func TestAuditOfCancel(t *testing.T) {
	for fault, want := range map[string]string{"": "success", "refuse 404 JobNotExist": "refused", "500": "unknown"} {
		r := withAudit(t, newFixture(t))
		id := r.startRunningJob(t, "k", "1m")
		if fault != "" {
			r.fail(t, "CancelBackupJob: "+fault)
		}
		_, err := r.Cancel(t.Context(), bob, id)
		if fault == "" && err != nil {
			t.Fatal(err)
		}
		if got := r.auditSummary(t); got != "intent 0, outcome 0 success, intent 1, cancelled 1 "+want {
			t.Errorf("%q: told %s", fault, got)
		}
		records := r.trail(t)
		last := records[len(records)-1]
		if last.Actor.Subject != "bob" || last.Target.Action != backup.ActionCancel || last.Outcome.JobID == "" || last.Submission.ID != id {
			t.Errorf("%+v", last)
		}
	}
	r := withAudit(t, newFixture(t))
	id := r.startRunningJob(t, "k", "1m")
	r.Policy = viewOnlyPolicy{r.Policy}
	if _, err := r.Cancel(t.Context(), bob, id); !errors.Is(err, backup.ErrDenied) || r.cancels() != 0 {
		t.Errorf("not theirs to cancel: %v, %d calls", err, r.cancels())
	}
	if got := r.auditSummary(t); got != "intent 0, outcome 0 success, denied 1" {
		t.Errorf("told %s", got)
	}
}

// viewOnlyPolicy allows viewing only.
type viewOnlyPolicy struct{ backup.Policy }

func (p viewOnlyPolicy) May(ctx context.Context, who identity.Principal, a backup.Action, complete param.Params) bool {
	return a == backup.ActionView && p.Policy.May(ctx, who, a, complete)
}

// TestConcurrentSubmitsMakeOneValidTrail submits each of 24 backups four times at the same
// time. It proves that each call of the cloud has one audit record before and one after it, and
// that the chain of records is valid.
func TestConcurrentSubmitsMakeOneValidTrail(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		r := withAudit(t, newFixtureOn(t, url))
		var wait sync.WaitGroup
		for i := range 96 {
			wait.Go(func() {
				sub := submission(fmt.Sprint("k", i%24))
				if _, err := r.Submit(context.WithoutCancel(t.Context()), sub); err != nil && !errors.Is(err, backup.ErrInProgress) {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		told := r.auditSummary(t)
		if intents, outcomes := strings.Count(told, "intent"), strings.Count(told, "outcome"); intents != r.sends() || outcomes != intents || intents != 24 {
			t.Errorf("%d intents, %d outcomes, %d calls", intents, outcomes, r.sends())
		}
	})
}

// TestTwoJobsOfOneSubmissionAreAViolation proves that the audit trail gets a violation if the
// cloud lists two jobs of one submission. That must never happen.
func TestTwoJobsOfOneSubmissionAreAViolation(t *testing.T) {
	r := withAudit(t, newFixture(t))
	r.fail(t, "CreateBackupJob: drop-after")
	answer, err := r.Submit(t.Context(), submission("k"))
	if err != nil || answer.Status != backup.StateUnknown {
		t.Fatal(answer.Status, err)
	}
	r.Cloud = &doubleListCloud{Cloud: r.Cloud}
	r.clock.Add(2 * time.Minute)
	if _, err := r.Sweep(t.Context(), 400*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := r.auditSummary(t); got != "intent 0, outcome 0 unknown, violation 0 two jobs, reconciled 0 success" {
		t.Errorf("told %s", got)
	}
}

// doubleListCloud lists every job twice: once with its own id and once with another id.
type doubleListCloud struct{ backup.Cloud }

func (c *doubleListCloud) DescribeBackupJobs2(ctx context.Context, t backup.Target, f backup.JobFilter) ([]backup.Job, error) {
	jobs, err := c.Cloud.DescribeBackupJobs2(ctx, t, f)
	for _, j := range jobs {
		j.JobID += "-again"
		jobs = append(jobs, j)
	}
	return jobs, err
}
