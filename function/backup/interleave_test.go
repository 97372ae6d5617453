package backup_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"backupportal/function/backup"
)

// interleaving is a random order in which several processes handle one submission at the same
// time. Each process stops before every call of the store, the limits and the cloud. The turns
// say which process continues next, and how much time passes before it does.
type interleaving struct {
	Processes int
	Watchers  int // how many of the Processes only read the submission
	Turns     []turn
	Creates   []string      // faults of CreateBackupJob, one for each call
	Lag       time.Duration // how late a new job appears in the cloud's list
}

// turn is one element of an interleaving: a process continues until it has stopped Stops times.
type turn struct {
	Process int // index among the processes that have not ended, modulo the number of these processes
	Stops   int
	After   time.Duration
}

func interleavings() *rapid.Generator[interleaving] {
	turns := rapid.Custom(func(t *rapid.T) turn {
		jump := rapid.SampledFrom([]int{0, 0, 0, 0, 0, 1, 10, 29, 31, 61, 95}).Draw(t, "after")
		return turn{
			Process: rapid.IntRange(0, 3).Draw(t, "who"), Stops: rapid.SampledFrom([]int{1, 1, 2, 3, 4, 5, 6}).Draw(t, "stops"),
			After: time.Duration(jump) * time.Second,
		}
	})
	return rapid.Custom(func(t *rapid.T) interleaving {
		return interleaving{
			Processes: rapid.IntRange(2, 4).Draw(t, "processes"),
			Watchers:  rapid.IntRange(0, 2).Draw(t, "watchers"),
			Turns:     rapid.SliceOfN(turns, 2, 16).Draw(t, "turns"),
			Creates:   rapid.SliceOfN(rapid.SampledFrom(createFaults), 0, 4).Draw(t, "creates"),
			Lag:       time.Duration(rapid.SampledFrom([]int{0, 5, 40, 60}).Draw(t, "lag")) * time.Second,
		}
	})
}

// scheduler runs the processes of an interleaving. Only one process runs at a time.
type scheduler struct {
	stopped chan *process // receives a process when it stops or ends
}

// process is one process of the portal in an interleaving. It is a goroutine that submits the
// submission or, as a watcher, only reads the submission.
type process struct {
	scheduler *scheduler
	resume    chan struct{}
	ended     bool
	answer    backup.Answer
	err       error
}

// yield stops the process until the scheduler lets it continue.
func (p *process) yield() {
	p.scheduler.stopped <- p
	<-p.resume
}

// watch reads the submission three times. Each read also looks for a missing result in the
// cloud's list, as a sweep does.
func (p *process) watch(ctx context.Context, own *backup.Service, sub backup.Submission) {
	for range 3 {
		p.yield()
		if _, err := own.Refresh(ctx, sub.Principal, sub.ID()); err != nil && !errors.Is(err, backup.ErrNotFound) {
			p.err = err
		}
	}
}

// yieldStore calls yield before each call of the store.
type yieldStore struct {
	backup.Store
	*process
}

func (s yieldStore) Known(ctx context.Context, key string, now time.Time) (backup.Record, error) {
	s.yield()
	return s.Store.Known(ctx, key, now)
}

func (s yieldStore) Claim(ctx context.Context, r backup.Record) (backup.Record, bool, error) {
	s.yield()
	return s.Store.Claim(ctx, r)
}

func (s yieldStore) Find(ctx context.Context, id string) (backup.Record, error) {
	s.yield()
	return s.Store.Find(ctx, id)
}

func (s yieldStore) Append(ctx context.Context, id string, step backup.Step, audit ...backup.AuditRow) (bool, error) {
	s.yield()
	return s.Store.Append(ctx, id, step, audit...)
}

// yieldLimits calls yield before each call of the limits.
type yieldLimits struct {
	backup.Limits
	*process
}

func (l yieldLimits) Reserve(ctx context.Context, a backup.Reservation) (*backup.LimitError, error) {
	l.yield()
	return l.Limits.Reserve(ctx, a)
}

func (l yieldLimits) Refund(ctx context.Context, key string, attempt int) error {
	l.yield()
	return l.Limits.Refund(ctx, key, attempt)
}

// yieldCloud calls yield before each call of the cloud.
type yieldCloud struct {
	backup.Cloud
	*process
}

func (c yieldCloud) CreateBackupJob(ctx context.Context, call backup.Call) (backup.Created, error) {
	c.yield()
	return c.Cloud.CreateBackupJob(ctx, call)
}

func (c yieldCloud) DescribeBackupJobs2(ctx context.Context, target backup.Target, filter backup.JobFilter) ([]backup.Job, error) {
	c.yield()
	defer c.yield() // stops the process again after the call, so that the answer becomes old
	return c.Cloud.DescribeBackupJobs2(ctx, target, filter)
}

// runInterleaving runs an interleaving for one key, and then repeats the submission until the
// answer is final. It returns an error if a guarantee was violated, such as "at most one job".
func (r *fixture) runInterleaving(ctx context.Context, plan interleaving, key string) (id string, err error) {
	r.cloud.Reset()
	r.clock.Set(time.Now().Round(0))
	r.limit(key)
	if err := r.cloud.SetFaults(planOf(plan).faults()); err != nil {
		return "", err
	}
	s := &scheduler{stopped: make(chan *process)}
	var running []*process
	for i := range plan.Processes {
		p := &process{scheduler: s, resume: make(chan struct{})}
		own := *r.Service
		own.Store, own.Cloud, own.Limits = yieldStore{own.Store, p}, yieldCloud{own.Cloud, p}, yieldLimits{own.Limits, p}
		go func() {
			if i < plan.Watchers {
				p.watch(ctx, &own, submission(key))
			} else {
				p.answer, p.err = own.Submit(ctx, submission(key))
			}
			p.ended = true
			s.stopped <- p
		}()
		running = append(running, <-s.stopped)
	}
	var answers []backup.Answer
	for i := 0; len(running) > 0; i++ {
		next := turn{Stops: 1}
		if i < len(plan.Turns) {
			next = plan.Turns[i]
		}
		r.clock.Add(next.After)
		at := next.Process % len(running)
		p := running[at]
		for range next.Stops {
			p.resume <- struct{}{}
			if <-s.stopped; p.ended {
				running = slices.Delete(running, at, at+1)
				break
			}
		}
		if p.ended && p.err == nil && p.answer.Status != "" && p.answer.Status != backup.StateUnknown {
			answers = append(answers, p.answer)
		}
	}
	if jobs := r.jobs(); jobs > 1 {
		return "", errTwoJobs
	}
	return r.checkAgreement(ctx, key, answers)
}

// planOf returns the faults of the cloud in an interleaving.
func planOf(r interleaving) plan { return plan{Creates: r.Creates, Lag: r.Lag} }

// checkAgreement repeats the submission until there is a final answer, and compares that answer
// with the earlier answers.
func (r *fixture) checkAgreement(ctx context.Context, key string, answers []backup.Answer) (id string, err error) {
	for range maxRequests {
		answer, err := r.Submit(ctx, submission(key))
		wait := answer.RetryAfter
		if busy, ok := errors.AsType[*backup.BusyError](err); ok {
			wait = busy.RetryAfter
		} else if err != nil {
			return "", err
		}
		if r.jobs() > 1 {
			return "", errTwoJobs
		}
		if err != nil || answer.Status == backup.StateUnknown {
			r.clock.Add(wait)
			continue
		}
		for _, before := range append(answers, answer) {
			if before.Status != answer.Status || before.Last.JobID != answer.Last.JobID || (before.Status == backup.StateCreated) != (r.jobs() == 1) {
				return "", fmt.Errorf("an answer was %s %s and became %s %s, with %d jobs", before.Status, before.Last.JobID, answer.Status, answer.Last.JobID, r.jobs())
			}
		}
		return answer.SubmissionID, r.checkCounted(ctx, key)
	}
	return "", errors.New("it does not end")
}

// TestAnyInterleavingMakesAtMostOneJob proves for random interleavings that a submission starts
// at most one job and always gets the same answer. Several processes handle it at the same
// time, and each may stop between any two calls.
func TestAnyInterleavingMakesAtMostOneJob(t *testing.T) {
	t.Parallel()
	r, n := newFixture(t), 0
	rapid.Check(t, func(rt *rapid.T) {
		plan := interleavings().Draw(rt, "race")
		n++
		id, err := r.runInterleaving(t.Context(), plan, fmt.Sprint("k", n))
		if err != nil {
			rt.Fatal(err)
		}
		if _, err := r.steps(id); err != nil {
			rt.Fatal(err)
		}
	})
}

// mutants are deliberate bugs of the portal, to test the tests: the interleavings must find
// each of them. Some bugs show only after a certain fault of the cloud, which is then in
// creates.
var mutants = []struct {
	name    string
	mutate  func(*fixture)
	creates []string
}{
	{name: "no time to settle", mutate: func(r *fixture) { r.ListLag = 1 }},
	{name: "a list later than the window", mutate: func(r *fixture) { r.Cloud = laggingCloud{r.Cloud, 100 * time.Second, r.clock} }},
	{name: "void without a listing", mutate: func(r *fixture) { r.Cloud = blindCloud{r.Cloud} }},
	{name: "an unknown outcome for none", mutate: func(r *fixture) { r.Cloud = lostIsNotSentCloud{r.Cloud} }},
	{name: "sending after the window", mutate: func(r *fixture) { r.Cloud = ignoreUntilCloud{r.Cloud} }},
	{"giving back what a later attempt holds", func(r *fixture) { r.Limits = alwaysRefundLimits{r.Limits} }, []string{"drop"}},
	{name: "sending although another won", mutate: func(r *fixture) { r.Store = alwaysOursStore{r.Store} }},
	{"a late refusal behind the rest", func(r *fixture) { r.Store = forcedRefusalStore{r.Store} }, []string{"refuse 404 VaultNotExist"}},
}

// laggingCloud is a deliberate bug: new jobs appear in its list only after lag.
type laggingCloud struct {
	backup.Cloud
	lag   time.Duration
	clock *clock
}

func (c laggingCloud) DescribeBackupJobs2(ctx context.Context, target backup.Target, filter backup.JobFilter) (old []backup.Job, err error) {
	jobs, err := c.Cloud.DescribeBackupJobs2(ctx, target, filter)
	for _, job := range jobs {
		if c.clock.Now().Sub(job.CreatedTime) >= c.lag {
			old = append(old, job)
		}
	}
	return old, err
}

// blindCloud is a deliberate bug: its list has no jobs.
type blindCloud struct{ backup.Cloud }

func (blindCloud) DescribeBackupJobs2(context.Context, backup.Target, backup.JobFilter) ([]backup.Job, error) {
	return nil, nil
}

// lostIsNotSentCloud is a deliberate bug: it reports a lost answer as a request that was not
// sent.
type lostIsNotSentCloud struct{ backup.Cloud }

func (c lostIsNotSentCloud) CreateBackupJob(ctx context.Context, call backup.Call) (backup.Created, error) {
	created, err := c.Cloud.CreateBackupJob(ctx, call)
	if cloud, ok := errors.AsType[*backup.CloudError](err); ok && errors.Is(err, backup.ErrUnknownOutcome) {
		cloud.Outcome = backup.ErrNotSent
	}
	return created, err
}

// ignoreUntilCloud is a deliberate bug: it also sends requests after the end of the attempt's
// window.
type ignoreUntilCloud struct{ backup.Cloud }

func (c ignoreUntilCloud) CreateBackupJob(ctx context.Context, call backup.Call) (backup.Created, error) {
	call.Until = time.Time{}
	return c.Cloud.CreateBackupJob(ctx, call)
}

// alwaysRefundLimits is a deliberate bug: its Refund ignores the number of the attempt, so it
// also gives back what a later attempt needs.
type alwaysRefundLimits struct{ backup.Limits }

func (l alwaysRefundLimits) Refund(ctx context.Context, key string, _ int) error {
	return l.Limits.Refund(ctx, key, math.MaxInt32)
}

// alwaysOursStore is a deliberate bug: it reports that the caller inserted the attempt, even if
// another process did.
type alwaysOursStore struct{ backup.Store }

func (s alwaysOursStore) Append(ctx context.Context, id string, step backup.Step, audit ...backup.AuditRow) (bool, error) {
	ours, err := s.Store.Append(ctx, id, step, audit...)
	return ours || step.Kind == backup.StepAttempt, err
}

// forcedRefusalStore is a deliberate bug: if another process has already inserted a step with
// the same number, it inserts a refusal with the next free number.
type forcedRefusalStore struct{ backup.Store }

func (s forcedRefusalStore) Append(ctx context.Context, id string, step backup.Step, audit ...backup.AuditRow) (ours bool, err error) {
	for {
		ours, err = s.Store.Append(ctx, id, step, audit...)
		if ours || err != nil || step.Kind != backup.StepRefused || step.N > 64 {
			return ours, err
		}
		step.N++
	}
}

// TestInterleavingsFindEachMutant proves that the test with interleavings fails for each
// deliberate bug (mutant), so it would also detect such a bug in the portal.
func TestInterleavingsFindEachMutant(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			r := newFixture(t)
			m.mutate(r)
			for seed := range 2000 {
				plan := interleavings().Example(seed)
				if m.creates != nil {
					plan.Creates = m.creates
				}
				if _, err := r.runInterleaving(t.Context(), plan, fmt.Sprint("k", seed)); err != nil {
					t.Logf("seed %d: %v", seed, err)
					return
				}
			}
			t.Error("no race finds it")
		})
	}
}
