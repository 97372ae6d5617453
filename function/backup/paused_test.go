package backup_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
)

// pausedStore is a store that calls first once, before it stores a job for the first time. If
// away is set, submissions cannot be read after that.
type pausedStore struct {
	backup.Store
	first  func()
	away   bool
	paused *bool
}

func (s pausedStore) Append(
	ctx context.Context, id string, step backup.Step, audit ...backup.AuditRow,
) (bool, error) {
	if step.Kind == backup.StepCreated && !*s.paused {
		*s.paused = true
		s.first()
	}
	return s.Store.Append(ctx, id, step, audit...)
}

func (s pausedStore) Find(ctx context.Context, id string) (backup.Record, error) {
	if s.away {
		return backup.Record{}, errAway
	}
	return s.Store.Find(ctx, id)
}

// TestPausedProcessReportsItsJob tests a process that is paused after it has started a job and
// before it stores it. Meanwhile other processes end its attempt in the step log. The job must
// not be lost: it is added to the log, or another process has added it, or the log file and the
// audit trail name it as a violation.
func TestPausedProcessReportsItsJob(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(t *testing.T, others *fixture)
		away      bool
		number    int  // number of the step in the answer
		logged    bool // whether the log ends with the job of the answer
		error     string
		told      string
	}{
		"the others saw no job": {
			func(t *testing.T, others *fixture) {
				others.Cloud = blindCloud{others.Cloud}
				others.sweep(t)
			}, false, 2, true, "", "intent 0, reconciled 0 no_effect, outcome 0 success",
		},
		"the others saw the job": {
			func(t *testing.T, others *fixture) { others.sweep(t) },
			false, 1, true, "", "intent 0, reconciled 0 success, outcome 0 success",
		},
		"the others made a job": {
			func(t *testing.T, others *fixture) {
				others.Cloud = blindCloud{others.Cloud}
				others.sweep(t)
				others.submit(t, submission("k"))
			}, false, 1, false, "a job beside the log",
			"intent 0, reconciled 0 no_effect, intent 2, outcome 2 success, outcome 0 success, violation 0 job beside the log",
		},
		"the log cannot be read": {
			func(t *testing.T, others *fixture) {
				others.Cloud = blindCloud{others.Cloud}
				others.sweep(t)
			}, true, 1, false, "recording a job", "intent 0, reconciled 0 no_effect, outcome 0 success",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := withAudit(t, newFixture(t))
			service := *r.Service
			others := &fixture{Service: &service, cloud: r.cloud, clock: r.clock}
			sound := r.Store
			var log bytes.Buffer
			r.logTo(&log)
			r.Store = pausedStore{sound, func() {
				r.clock.Add(2 * time.Minute)
				c.meanwhile(t, others)
			}, c.away, new(bool)}
			answer, err := r.Submit(t.Context(), submission("k"))
			if err != nil || answer.Status != backup.StateCreated || answer.Last.JobID == "" || answer.Last.N != c.number {
				t.Fatalf("%+v, %v", answer, err)
			}
			r.Store = sound
			last := r.record(t, answer.SubmissionID).Last
			if (last.JobID == answer.Last.JobID) != c.logged || c.logged && last.N != c.number {
				t.Errorf("the log ends with %+v, and the answer is %+v", last, answer.Last)
			}
			if told := r.auditSummary(t); told != c.told {
				t.Errorf("told %s", told)
			}
			alarm := strings.Contains(log.String(), `"level":"ERROR"`)
			if alarm != (c.error != "") || !strings.Contains(log.String(), c.error) {
				t.Errorf("the log is\n%s", log.String())
			}
		})
	}
}
