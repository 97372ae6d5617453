package backup_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"backupportal/function/backup"
)

// TestWindowEndsWithTheDeadline proves that the window of an attempt (the time in which its
// call may be sent) ends with the deadline of the context if that is earlier than 30 seconds.
// The platform stops the process at the deadline.
func TestWindowEndsWithTheDeadline(t *testing.T) {
	for _, c := range []struct{ left, least, most time.Duration }{
		{20 * time.Second, time.Millisecond, 20 * time.Second},
		{10 * time.Minute, 30 * time.Second, 30 * time.Second},
	} {
		r := newFixture(t)
		r.clock.Set(time.Now().Round(0).Truncate(time.Millisecond))
		begun := r.Now()
		r.fail(t, "CreateBackupJob: drop")
		ctx, cancel := context.WithDeadline(t.Context(), begun.Add(c.left))
		answer, err := r.Submit(ctx, submission("k"))
		cancel()
		if err != nil || answer.Status != backup.StateUnknown {
			t.Fatalf("%v left: %s, %v", c.left, answer.Status, err)
		}
		if window := r.record(t, answer.SubmissionID).Last.Until.Sub(begun); window < c.least || window > c.most {
			t.Errorf("%v left: the attempt lasts %v", c.left, window)
		}
	}
}

// TestExpiredKeySendsNothing tests a call that pauses after its claim (the stored use of the
// idempotency key) until the key has expired. It must send nothing, because another submission
// may use the key now.
func TestExpiredKeySendsNothing(t *testing.T) {
	for pause, want := range map[time.Duration]int{backup.KeyExpires - time.Millisecond: 1, backup.KeyExpires: 0, 2 * backup.KeyExpires: 0} {
		r := newFixture(t)
		r.clock.Set(r.Now().Truncate(time.Millisecond)) // the store keeps times in milliseconds
		cloud := &countingCloud{Cloud: r.Cloud}
		r.Cloud, r.Store = cloud, pausingStore{r.Store, func() { r.clock.Add(pause) }}
		_, err := r.Submit(t.Context(), submission("k"))
		if errors.Is(err, backup.ErrNotSent) != (want == 0) || cloud.sends != want {
			t.Errorf("after %v: %v, %d sends", pause, err, cloud.sends)
		}
	}
}

// pausingStore is a store that calls pause after each claim.
type pausingStore struct {
	backup.Store
	pause func()
}

func (s pausingStore) Claim(ctx context.Context, r backup.Record) (backup.Record, bool, error) {
	known, ours, err := s.Store.Claim(ctx, r)
	s.pause()
	return known, ours, err
}

// countingCloud accepts and counts every CreateBackupJob, and lists the jobs in list.
type countingCloud struct {
	backup.Cloud
	sends int
	list  []backup.Job
}

func (c *countingCloud) CreateBackupJob(context.Context, backup.Call) (backup.Created, error) {
	c.sends++
	return backup.Created{JobID: fmt.Sprint("job-", c.sends)}, nil
}

func (c *countingCloud) DescribeBackupJobs2(context.Context, backup.Target, backup.JobFilter) ([]backup.Job, error) {
	return c.list, nil
}

// TestSweepAbandonsAfterThirtyDaysWithoutNews proves that the sweep asks the cloud for thirty
// days about a job that is no longer listed. After that, the job keeps its last state.
func TestSweepAbandonsAfterThirtyDaysWithoutNews(t *testing.T) {
	const abandonAfter = 30 * 24 * time.Hour
	r := newFixture(t)
	r.clock.Set(r.Now().Truncate(time.Millisecond))
	r.Cloud = &countingCloud{Cloud: r.Cloud}
	answer, err := r.Submit(t.Context(), submission("k"))
	if err != nil || answer.Status != backup.StateCreated {
		t.Fatalf("%s, %v", answer.Status, err)
	}
	for i, c := range []struct {
		after time.Duration
		open  int
	}{{abandonAfter - time.Millisecond, 1}, {time.Millisecond, 1}, {0, 0}} {
		r.clock.Add(c.after)
		if swept, err := r.Sweep(t.Context(), year); err != nil || swept.Open != c.open {
			t.Errorf("sweep %d: %+v, %v", i, swept, err)
		}
	}
	if state := r.record(t, answer.SubmissionID).State(r.Now()); state != backup.StateCreated {
		t.Errorf("it is %s in the end", state)
	}
}

// TestListFirstAcceptsOnlyPortalJobNames proves which job in the cloud's list belongs to a
// submission if the store can lose records (ListFirst). The name of the job must end with the
// submission's id or, if its key was used again, with the id and the number of the use, from 2
// on.
func TestListFirstAcceptsOnlyPortalJobNames(t *testing.T) {
	for ending, known := range map[string]bool{"": true, "-2": true, "-31": true, "-1": false, "-0": false, "--2": false, "-x": false, "-": false, "2": false, "-99999999999999999999": false} {
		r := newListFirstFixture(t)
		name := submission("k").JobName() + ending
		cloud := &countingCloud{Cloud: r.Cloud, list: []backup.Job{{JobID: "listed", JobName: name, CreatedTime: r.Now()}}}
		r.Cloud = cloud
		answer, err := r.Submit(t.Context(), submission("k"))
		if err != nil || answer.Status != backup.StateCreated || (answer.Last.JobID == "listed") != known || (cloud.sends == 0) != known {
			t.Errorf("ending %q: %s, job %s, %d sends, %v", ending, answer.Status, answer.Last.JobID, cloud.sends, err)
		}
	}
}

// TestFailedSignInsCountPerNetwork proves that failed sign-ins are counted for each IPv4 address,
// and for each IPv6 network of 64 bits because one client may own the whole network. Neighbouring
// networks are not blocked.
func TestFailedSignInsCountPerNetwork(t *testing.T) {
	for _, c := range []struct {
		failing func(i int) string
		blocked []string
		open    []string
	}{
		{
			func(i int) string { return fmt.Sprintf("2001:db8:0:2::%x", i+1) },
			[]string{"2001:db8:0:2::1", "2001:db8:0:2:8000::1", "2001:db8:0:2:ffff:ffff:ffff:ffff", "2001:db8:0:2::9%eth0"},
			[]string{"2001:db8:0:3::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", "192.0.2.1"},
		},
		{
			func(int) string { return "192.0.2.2" },
			[]string{"192.0.2.2"},
			[]string{"192.0.2.3", "192.0.2.1", "2001:db8::1"},
		},
		{func(int) string { return "" }, nil, []string{"", "somewhere", "192.0.2.1"}}, // an invalid address is never blocked
	} {
		r := newFixture(t)
		for i := range 20 {
			if err := r.MaySignIn(t.Context(), c.failing(i)); err != nil {
				t.Errorf("%s after %d failures: %v", c.failing(i), i, err)
			}
			r.SignInFailed(t.Context(), c.failing(i))
		}
		for _, client := range c.blocked {
			err := r.MaySignIn(t.Context(), client)
			if limit, ok := errors.AsType[*backup.LimitError](err); !ok || !errors.Is(err, backup.ErrSignIns) || limit.RetryAfter <= 0 {
				t.Errorf("%s may sign in: %v", client, err)
			}
		}
		for _, client := range c.open {
			if err := r.MaySignIn(t.Context(), client); err != nil {
				t.Errorf("%s may not sign in: %v", client, err)
			}
		}
	}
}
