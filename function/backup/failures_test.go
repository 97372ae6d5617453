package backup_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
)

// errAway is the error of a store that a test makes unavailable.
var errAway = errors.New("the database is away")

// awayStore is a store with one method that fails.
type awayStore struct {
	backup.Store
	method string
}

func (s awayStore) err(method string) error {
	if method == s.method {
		return errAway
	}
	return nil
}

func (s awayStore) Known(ctx context.Context, key string, now time.Time) (backup.Record, error) {
	if err := s.err("Known"); err != nil {
		return backup.Record{}, err
	}
	return s.Store.Known(ctx, key, now)
}

func (s awayStore) Claim(ctx context.Context, r backup.Record) (backup.Record, bool, error) {
	if err := s.err("Claim"); err != nil {
		return backup.Record{}, false, err
	}
	return s.Store.Claim(ctx, r)
}

func (s awayStore) SetResourceName(ctx context.Context, id, name string) error {
	if err := s.err("SetResourceName"); err != nil {
		return err
	}
	return s.Store.SetResourceName(ctx, id, name)
}

func (s awayStore) Find(ctx context.Context, id string) (backup.Record, error) {
	if err := s.err("Find"); err != nil {
		return backup.Record{}, err
	}
	return s.Store.Find(ctx, id)
}

func (s awayStore) StartRefresh(ctx context.Context, id string, now time.Time, d time.Duration) (bool, error) {
	if err := s.err("StartRefresh"); err != nil {
		return false, err
	}
	return s.Store.StartRefresh(ctx, id, now, d)
}

func (s awayStore) UpdateJob(ctx context.Context, id string, job backup.Job) error {
	if err := s.err("UpdateJob"); err != nil {
		return err
	}
	return s.Store.UpdateJob(ctx, id, job)
}

func (s awayStore) Cancel(ctx context.Context, id string, c backup.Cancellation) error {
	if err := s.err("Cancel"); err != nil {
		return err
	}
	return s.Store.Cancel(ctx, id, c)
}

func (s awayStore) MarkFinal(ctx context.Context, id string, state backup.State) error {
	if err := s.err("MarkFinal"); err != nil {
		return err
	}
	return s.Store.MarkFinal(ctx, id, state)
}

// Append fails if the step has notices and Announce is the method that fails.
func (s awayStore) Append(ctx context.Context, id string, step backup.Step, audit ...backup.AuditRow) (bool, error) {
	if err := s.err("Announce"); err != nil && step.Notices != nil {
		return false, err
	}
	return s.Store.Append(ctx, id, step, audit...)
}

func (s awayStore) Announce(ctx context.Context, notices []backup.Notice) (int, error) {
	if err := s.err("Announce"); err != nil {
		return 0, err
	}
	return s.Store.Announce(ctx, notices)
}

func (s awayStore) Due(ctx context.Context, receiver string, now time.Time, limit int) ([]backup.Notice, error) {
	if err := s.err("Due"); err != nil {
		return nil, err
	}
	return s.Store.Due(ctx, receiver, now, limit)
}

func (s awayStore) Lease(ctx context.Context, n backup.Notice, until time.Time) (bool, error) {
	if err := s.err("Lease"); err != nil {
		return false, err
	}
	return s.Store.Lease(ctx, n, until)
}

func (s awayStore) Done(ctx context.Context, n backup.Notice, now time.Time) error {
	if err := s.err("Done"); err != nil {
		return err
	}
	return s.Store.Done(ctx, n, now)
}

func (s awayStore) List(ctx context.Context, q backup.Query) ([]backup.Record, error) {
	if err := s.err("List"); err != nil {
		return nil, err
	}
	return s.Store.List(ctx, q)
}

func (s awayStore) ListRejections(ctx context.Context, q backup.Query) ([]backup.Rejection, error) {
	if err := s.err("ListRejections"); err != nil {
		return nil, err
	}
	return s.Store.ListRejections(ctx, q)
}

func (s awayStore) ForgetRejections(ctx context.Context, before time.Time) error {
	if err := s.err("ForgetRejections"); err != nil {
		return err
	}
	return s.Store.ForgetRejections(ctx, before)
}

func (s awayStore) Open(ctx context.Context, after string, limit int) ([]backup.Record, error) {
	if err := s.err("Open"); err != nil {
		return nil, err
	}
	return s.Store.Open(ctx, after, limit)
}

// failStore makes the method with this name fail whenever the fixture's store is used.
func (r *fixture) failStore(method string) { r.Store = awayStore{r.Store, method} }

// awayLimits are limits whose methods all fail.
type awayLimits struct{ backup.Limits }

func (awayLimits) Reserve(context.Context, backup.Reservation) (*backup.LimitError, error) {
	return nil, errAway
}

func (awayLimits) Refund(context.Context, string, int) error { return errAway }

func (awayLimits) Take(context.Context, backup.Rate, time.Time) (time.Duration, error) {
	return 0, errAway
}

func (awayLimits) Peek(context.Context, backup.Rate, time.Time) (time.Duration, error) {
	return 0, errAway
}

func (awayLimits) Usage(
	context.Context, backup.Grant, string, time.Time,
) ([]backup.LimitUse, error) {
	return nil, errAway
}

func (awayLimits) ForgetLimits(context.Context, time.Time) error { return errAway }

// TestWithoutLimitsNothingIsAllowed proves that every action with a limit is refused while the
// limits cannot be counted. The error says that the store is unavailable.
func TestWithoutLimitsNothingIsAllowed(t *testing.T) {
	r := newFixture(t)
	r.Limits = awayLimits{}
	r.limit("a")
	for name, ask := range map[string]func(ctx context.Context) error{
		"Submit":       func(ctx context.Context) error { _, err := r.Submit(ctx, submission("k")); return err },
		"CountRequest": func(ctx context.Context) error { return r.CountRequest(ctx, bob) },
		"MaySignIn":    func(ctx context.Context) error { return r.MaySignIn(ctx, "192.0.2.1") },
		"SpendSignIn": func(ctx context.Context) error {
			if ok, err := r.SpendSignIn(ctx, "transaction"); !ok {
				return err
			}
			return nil
		},
		"Usage": func(ctx context.Context) error {
			call, err := r.Prepare(ctx, submission("k"))
			if err != nil {
				return nil
			}
			_, err = r.Usage(ctx, call)
			return err
		},
		"Sweep": func(ctx context.Context) error { _, err := r.Sweep(ctx, year); return err },
	} {
		if err := ask(t.Context()); !errors.Is(err, backup.ErrStoreUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r.sends() != 0 {
		t.Errorf("%d sends", r.sends())
	}
}

// refundFails are limits whose Refund fails.
type refundFails struct{ backup.Limits }

func (refundFails) Refund(context.Context, string, int) error { return errAway }

// awayAuditor is an audit trail that fails for all events except those of steps.
type awayAuditor struct{ backup.Auditor }

func (awayAuditor) Record(context.Context, backup.AuditEvent) error { return errAway }

func (awayAuditor) Flush(context.Context, bool) error { return errAway }

// A logLine is one line of the log in JSON.
type logLine struct {
	Level      slog.Level
	Msg        string
	Submission string
	Error      string
}

// logTo makes r write its log to w, in JSON.
func (r *fixture) logTo(w io.Writer) { r.Log = slog.New(slog.NewJSONHandler(w, nil)) }

// lostSubmission submits a backup whose answer is lost, so that the portal does not know
// whether there is a job. It returns the submission's id.
func (r *fixture) lostSubmission(t testing.TB) string {
	t.Helper()
	r.fail(t, "CreateBackupJob: drop; DescribeBackupJobs2: 500 forever")
	id := r.submit(t, submission("k"))
	r.clock.Add(2 * time.Minute)
	return id
}

// TestEachFailureIsLogged proves that each failure that no answer shows is logged. If it
// concerns one submission, the log line has its id.
func TestEachFailureIsLogged(t *testing.T) {
	type action func(t *testing.T, r *fixture) (submission string)
	refresh := func(t *testing.T, r *fixture, id string) string {
		if _, err := r.Refresh(t.Context(), bob, id); err != nil {
			t.Error(err)
		}
		return id
	}
	for name, c := range map[string]struct {
		level slog.Level
		msg   string
		do    action
	}{
		"a job that cannot be recorded": {slog.LevelError, "recording a job", func(t *testing.T, r *fixture) string {
			failures := 100
			r.Store = failingStore{r.Store, &failures}
			return r.submit(t, submission("k"))
		}},
		"a call that failed": {slog.LevelWarn, "job not created", func(t *testing.T, r *fixture) string {
			r.fail(t, "CreateBackupJob: 500")
			return r.submit(t, submission("k"))
		}},
		"two jobs of one submission": {slog.LevelError, "two jobs of one submission", func(t *testing.T, r *fixture) string {
			r.fail(t, "CreateBackupJob: drop-after")
			id := r.submit(t, submission("k"))
			r.Cloud = &doubleListCloud{r.Cloud}
			r.clock.Add(2 * time.Minute)
			return refresh(t, r, id)
		}},
		"a refusal that is not recorded": {slog.LevelError, "recording a refusal", func(t *testing.T, r *fixture) string {
			r.failStore("Claim")
			_, err := r.Submit(t.Context(), deniedSubmission("k"))
			if denied, ok := errors.AsType[*backup.DeniedError](err); !ok || denied.SubmissionID != "" {
				t.Errorf("got %+v", err)
			}
			return ""
		}},
		"an earlier answer that cannot be read": {
			slog.LevelError, "looking for an earlier answer", func(t *testing.T, r *fixture) string {
				r.failStore("Known")
				if _, err := r.Submit(t.Context(), deniedSubmission("k")); !errors.Is(err, backup.ErrDenied) {
					t.Errorf("got %v", err)
				}
				return ""
			},
		},
		"a listing before the first attempt": {slog.LevelWarn, "listing jobs", func(t *testing.T, r *fixture) string {
			r.ListFirst = func() bool { return true }
			r.fail(t, "DescribeBackupJobs2: refuse 403 NoPermission")
			_, err := r.Submit(t.Context(), submission("k"))
			busy, ok := errors.AsType[*backup.BusyError](err)
			if !ok || !errors.Is(err, backup.ErrNotSent) || busy.Code != "NoPermission" {
				t.Errorf("got %+v", err)
			}
			return submission("k").ID()
		}},
		"a listing for a repeat": {slog.LevelWarn, "listing jobs", func(t *testing.T, r *fixture) string {
			id := r.lostSubmission(t)
			r.submit(t, submission("k"))
			return id
		}},
		"a listing for a reader": {slog.LevelWarn, "listing jobs", func(t *testing.T, r *fixture) string {
			return refresh(t, r, r.lostSubmission(t))
		}},
		"a listing of a sweep": {slog.LevelWarn, "listing jobs", func(t *testing.T, r *fixture) string {
			id := r.lostSubmission(t)
			r.sweep(t)
			return id
		}},
		"a job that may not be asked for": {slog.LevelWarn, "describing a job", func(t *testing.T, r *fixture) string {
			id := r.submit(t, submission("k"))
			r.failStore("StartRefresh")
			return refresh(t, r, id)
		}},
		"a job that is not described": {slog.LevelWarn, "describing jobs", func(t *testing.T, r *fixture) string {
			id := r.submit(t, submission("k"))
			r.fail(t, "DescribeBackupJobs2: 500")
			refresh(t, r, id)
			return ""
		}},
		"an account that changed": {slog.LevelWarn, "describing jobs", func(t *testing.T, r *fixture) string {
			r.submit(t, submission("k"))
			r.Policy = replaced(t, "\"1000000000000001\"", "\"1000000000000009\"")
			r.sweep(t)
			return ""
		}},
		"a job that is not stored": {slog.LevelWarn, "storing a job", func(t *testing.T, r *fixture) string {
			id := r.submit(t, submission("k"))
			r.failStore("UpdateJob")
			return refresh(t, r, id)
		}},
		"an end that is not marked": {slog.LevelWarn, "marking a submission as final", func(t *testing.T, r *fixture) string {
			id := r.submit(t, endingSubmission("k", "COMPLETE"))
			r.failStore("MarkFinal")
			r.clock.Add(time.Minute)
			return refresh(t, r, id)
		}},
		"a submission without news": {
			slog.LevelWarn, "submission abandoned: no more news of its job", func(t *testing.T, r *fixture) string {
				id := r.submit(t, submission("k"))
				r.clock.Add(31 * 24 * time.Hour)
				r.sweep(t)
				return id
			},
		},
		"a submission without news that is not marked": {
			slog.LevelWarn, "marking a submission as final", func(t *testing.T, r *fixture) string {
				id := r.submit(t, submission("k"))
				r.failStore("MarkFinal")
				r.clock.Add(31 * 24 * time.Hour)
				r.sweep(t)
				return id
			},
		},
		"a consistency that is not known": {
			slog.LevelWarn, "describing a recovery point", func(t *testing.T, r *fixture) string {
				sub := endingSubmission("k", "COMPLETE")
				sub.Params["InstanceId"], sub.Params["Detail.appConsistent"] = "i-bp1demodb01", "true"
				id := r.submit(t, sub)
				r.fail(t, "DescribeUdmSnapshots: 500")
				r.clock.Add(time.Minute)
				return refresh(t, r, id)
			},
		},
		"a name that is not stored": {slog.LevelWarn, "storing the name of a resource", func(t *testing.T, r *fixture) string {
			r.failStore("SetResourceName")
			answer, err := r.Submit(t.Context(), submission("k"))
			if err != nil || answer.ResourceName != "" {
				t.Errorf("got the name %q, %v", answer.ResourceName, err)
			}
			return answer.SubmissionID
		}},
		"earlier backups that cannot be read": {
			slog.LevelWarn, "reading earlier backups", func(t *testing.T, r *fixture) string {
				id := r.submit(t, submission("k"))
				r.failStore("List")
				if all := r.EarlierDurations(t.Context(), bob, r.record(t, id)); all != nil {
					t.Errorf("got %v", all)
				}
				return id
			},
		},
		"a cancellation that failed": {slog.LevelWarn, "job not cancelled", func(t *testing.T, r *fixture) string {
			id := r.startRunningJob(t, "k", "1m")
			r.fail(t, "CancelBackupJob: 500")
			if _, err := r.Cancel(t.Context(), bob, id); !errors.Is(err, backup.ErrNotCancelled) {
				t.Errorf("got %v", err)
			}
			return id
		}},
		"a cancellation that is not recorded": {
			slog.LevelError, "recording a cancellation", func(t *testing.T, r *fixture) string {
				id := r.startRunningJob(t, "k", "1m")
				r.failStore("Cancel")
				if got, err := r.Cancel(t.Context(), bob, id); err != nil || got.Cancellation.By.ID() != bob.ID() {
					t.Errorf("got %+v, %v", got.Cancellation, err)
				}
				return id
			},
		},
		"a cancellation in an account that changed": {
			slog.LevelError, "cancelling a job", func(t *testing.T, r *fixture) string {
				id := r.startRunningJob(t, "k", "1m")
				r.Policy = replaced(t, "\"1000000000000001\"", "\"1000000000000009\"")
				_, err := r.Cancel(t.Context(), bob, id)
				if !errors.Is(err, backup.ErrNotCancelled) || r.cancels() != 0 {
					t.Errorf("%v, %d calls", err, r.cancels())
				}
				return id
			},
		},
		"a reservation that is not given back": {
			slog.LevelWarn, "refunding the limits of a submission", func(t *testing.T, r *fixture) string {
				r.Limits = refundFails{r.Limits}
				r.limit("a")
				r.fail(t, "CreateBackupJob: refuse 404 VaultNotExist")
				return r.submit(t, submission("k"))
			},
		},
		"a failed sign-in that is not counted": {
			slog.LevelWarn, "counting failed sign-ins", func(t *testing.T, r *fixture) string {
				r.Limits = awayLimits{}
				r.SignInFailed(t.Context(), "192.0.2.1")
				return ""
			},
		},
		"notices that are not stored": {slog.LevelWarn, "recording notices", func(t *testing.T, r *fixture) string {
			r.notify(t, nil, newInbox(t, "all"))
			r.failStore("Announce")
			return r.submit(t, submission("k"))
		}},
		"notices that cannot be read": {slog.LevelWarn, "listing notices", func(t *testing.T, r *fixture) string {
			r.notify(t, nil, newInbox(t, "all"))
			r.failStore("Due")
			r.sweep(t)
			return ""
		}},
		"a notice that cannot be leased": {slog.LevelWarn, "claiming a notice", func(t *testing.T, r *fixture) string {
			all := newInbox(t, "all")
			r.notify(t, nil, all)
			r.submit(t, submission("k"))
			r.failStore("Lease")
			if sent := r.sweep(t); sent != 0 || all.requests() != 0 {
				t.Errorf("%d sent, %d requests", sent, all.requests())
			}
			return ""
		}},
		"a notice that is not closed": {slog.LevelWarn, "closing a notice", func(t *testing.T, r *fixture) string {
			r.notify(t, nil, newInbox(t, "all"))
			id := r.submit(t, submission("k"))
			r.failStore("Done")
			if sent := r.sweep(t); sent != 1 {
				t.Errorf("%d sent", sent)
			}
			return id
		}},
		"a message that a receiver refuses": {slog.LevelWarn, "notice not sent", func(t *testing.T, r *fixture) string {
			bad := newInbox(t, "bad")
			bad.setFailure(failures["500"])
			r.notify(t, nil, bad)
			id := r.submit(t, submission("k"))
			r.sweep(t)
			return id
		}},
		"old rejections that stay": {slog.LevelWarn, "removing old rejections", func(t *testing.T, r *fixture) string {
			r.failStore("ForgetRejections")
			r.sweep(t)
			return ""
		}},
		"old drafts that stay": {slog.LevelWarn, "removing old drafts", func(t *testing.T, r *fixture) string {
			r.ForgetDrafts = func(context.Context, time.Time) error { return errAway }
			r.sweep(t)
			return ""
		}},
		"an audit record after the fact": {slog.LevelError, "writing an audit record", func(t *testing.T, r *fixture) string {
			r.Audit = awayAuditor{withAudit(t, r).Audit}
			r.fail(t, "CreateBackupJob: 500")
			return r.submit(t, submission("k"))
		}},
		"audit events that were counted": {
			slog.LevelWarn, "writing counted events to the audit trail", func(t *testing.T, r *fixture) string {
				r.Audit = awayAuditor{}
				r.sweep(t)
				return ""
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newFixture(t)
			var log bytes.Buffer
			r.logTo(&log)
			id := c.do(t, r)
			text := log.String()
			for line := range strings.Lines(text) {
				var one logLine
				if err := json.Unmarshal([]byte(line), &one); err != nil {
					t.Fatal(err)
				}
				if one.Msg == c.msg && one.Level == c.level && (id == "" || one.Submission == id) {
					return
				}
			}
			t.Errorf("no %s %q of %q in\n%s", c.level, c.msg, id, text)
		})
	}
}

// TestWithoutFailuresTheLogHasNoWarning proves that normal operation logs no warning. It tests
// a submission and its repeat, a refusal by the policy, a limit, a job until its end, a
// cancellation, a message and a sweep.
func TestWithoutFailuresTheLogHasNoWarning(t *testing.T) {
	r := withAudit(t, newFixture(t))
	var log bytes.Buffer
	r.logTo(&log)
	r.notify(t, nil, newInbox(t, "all"))
	r.Policy = limitingPolicy{r.Policy, backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 2}}}}
	id := r.submit(t, endingSubmission("k", "COMPLETE"))
	r.submit(t, endingSubmission("k", "COMPLETE"))
	if _, err := r.Submit(t.Context(), deniedSubmission("l")); !errors.Is(err, backup.ErrDenied) {
		t.Errorf("got %v", err)
	}
	running := r.startRunningJob(t, "m", "1h")
	if _, err := r.Submit(t.Context(), submission("n")); !errors.Is(err, backup.ErrQuota) {
		t.Errorf("got %v", err)
	}
	for _, ask := range []string{id, running} {
		if _, err := r.Refresh(t.Context(), bob, ask); err != nil {
			t.Error(err)
		}
	}
	if _, err := r.Cancel(t.Context(), bob, running); err != nil {
		t.Error(err)
	}
	r.SignInFailed(t.Context(), "192.0.2.1")
	if all := r.EarlierDurations(t.Context(), bob, r.record(t, id)); all != nil {
		t.Errorf("got %v", all)
	}
	r.clock.Add(time.Minute)
	r.sweep(t)
	for line := range strings.Lines(log.String()) {
		if !strings.Contains(line, `"level":"INFO"`) {
			t.Error(line)
		}
	}
}

// cancelWriter ends a context when something is written to it.
type cancelWriter struct {
	cancel  context.CancelFunc
	written []byte
}

func (w *cancelWriter) Write(text []byte) (int, error) {
	w.written = append(w.written, text...)
	w.cancel()
	return len(text), nil
}

// TestFailedPeriodicSweepIsLogged proves that a server logs when its regular sweep (background
// run) fails.
func TestFailedPeriodicSweepIsLogged(t *testing.T) {
	r := newFixture(t)
	r.failStore("Open")
	ctx, cancel := context.WithCancel(t.Context())
	log := &cancelWriter{cancel: cancel}
	r.logTo(log)
	r.SweepEvery(ctx, time.Hour, year)
	var line logLine
	if err := json.Unmarshal(log.written, &line); err != nil || line.Msg != "sweep" || line.Level != slog.LevelError ||
		line.Error != backup.ErrStoreUnavailable.Error()+": "+errAway.Error() {
		t.Errorf("the log has %s: %v", log.written, err)
	}
}

// TestHistoryWithoutStoreIsError proves that the history returns an error if it cannot be read,
// and not an empty page.
func TestHistoryWithoutStoreIsError(t *testing.T) {
	for _, method := range []string{"List", "ListRejections"} {
		r := newFixture(t)
		r.failStore(method)
		_, err := r.History(t.Context(), identity.Principal{}, backup.Query{Limit: 10, Rejections: true})
		if !errors.Is(err, backup.ErrStoreUnavailable) {
			t.Errorf("without %s: %v", method, err)
		}
	}
}
