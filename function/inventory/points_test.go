package inventory

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"backupportal/function/backup"
)

// A cloud answers recovery points of at most the last longest.
type cloud struct {
	Lister
	longest time.Duration
	now     time.Time
	points  []backup.RecoveryPoint
	asked   int
}

func (c *cloud) RecoveryPoints(_ context.Context, _ backup.Target, f backup.SnapshotFilter) ([]backup.RecoveryPoint, error) {
	c.asked++
	if c.now.Sub(f.Since) > c.longest {
		return nil, errors.New("the answer is too long")
	}
	return c.points, nil
}

// TestNewestPoints proves that only complete recovery points that have not expired count, the newest one of each
// instance, and that a shorter time is asked if the answer is too long.
func TestNewestPoints(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	point := func(instance string, state backup.State, age, expires time.Duration) backup.RecoveryPoint {
		return backup.RecoveryPoint{
			InstanceID: instance, Status: state, CreatedTime: now.Add(-age - time.Minute), CompleteTime: now.Add(-age), ExpireTime: now.Add(expires),
		}
	}
	c := &cloud{now: now, longest: 24 * time.Hour, points: []backup.RecoveryPoint{
		point("i-1", backup.StateComplete, 3*time.Hour, time.Hour),
		point("i-1", backup.StateComplete, 2*time.Hour, time.Hour),
		point("i-1", backup.StateComplete, time.Hour, 0),
		point("i-1", backup.StateFailed, time.Minute, time.Hour),
		{InstanceID: "i-2", Status: backup.StateComplete, CreatedTime: now.Add(-5 * time.Hour)},
		point("i-3", backup.StatePartialComplete, time.Hour, time.Hour),
	}}
	v := New(c, slog.New(slog.DiscardHandler), func() time.Time { return now })
	made, err := v.newestPoints(t.Context(), backup.Target{})
	if err != nil || c.asked != 3 {
		t.Fatalf("%d calls, error %v", c.asked, err)
	}
	want := map[string]time.Time{"i-1": now.Add(-2 * time.Hour), "i-2": now.Add(-5 * time.Hour)}
	if len(made) != len(want) || !made["i-1"].Equal(want["i-1"]) || !made["i-2"].Equal(want["i-2"]) {
		t.Errorf("%v, want %v", made, want)
	}
	c.longest = 0
	if _, err := v.newestPoints(t.Context(), backup.Target{}); err == nil {
		t.Error("no error without any answer")
	}
}
