package backup

import (
	"testing"
	"time"
)

func TestRecordState(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	record := func(age time.Duration, last Step, job Job) Record {
		return Record{CreatedAt: now.Add(-age), Last: last, Job: job}
	}
	for name, c := range map[string]struct {
		r          Record
		want       State
		inProgress bool
	}{
		"just claimed":                 {record(time.Second, Step{N: -1}, Job{}), StateSending, true},
		"claimed and left":             {record(time.Minute, Step{N: -1}, Job{}), StateNotSent, false},
		"being sent":                   {record(time.Second, Step{Kind: StepAttempt, Until: now.Add(time.Second)}, Job{}), StateSending, true},
		"answer lost":                  {record(time.Minute, Step{Kind: StepAttempt, Until: now}, Job{}), StateUnknown, true},
		"surely nothing":               {record(time.Minute, Step{Kind: StepNotSent}, Job{}), StateNotSent, false},
		"refused":                      {record(time.Minute, Step{Kind: StepRefused}, Job{}), StateRefused, false},
		"created, not seen":            {record(time.Minute, Step{Kind: StepCreated}, Job{}), StateCreated, true},
		"running":                      {record(time.Minute, Step{Kind: StepCreated}, Job{Status: StateRunning}), StateRunning, true},
		"a word that nobody knows":     {record(time.Minute, Step{Kind: StepCreated}, Job{Status: "PONDERING"}), "PONDERING", true},
		"complete":                     {record(time.Minute, Step{Kind: StepCreated}, Job{Status: StateComplete}), StateComplete, false},
		"complete, the copy under way": {record(time.Minute, Step{Kind: StepCreated}, Job{Status: StateComplete, CopyStatus: "RUNNING"}), StateComplete, true},
		"complete, and the copy too":   {record(time.Minute, Step{Kind: StepCreated}, Job{Status: StateComplete, CopyStatus: "COMPLETE"}), StateComplete, false},
		"failed with a copy begun":     {record(time.Minute, Step{Kind: StepCreated}, Job{Status: StateFailed, CopyStatus: "RUNNING"}), StateFailed, false},
	} {
		if got := c.r.State(now); got != c.want || !c.r.IsTerminal(now) != c.inProgress {
			t.Errorf("%s: %s, lives %v; want %s, %v", name, got, !c.r.IsTerminal(now), c.want, c.inProgress)
		}
	}
}
