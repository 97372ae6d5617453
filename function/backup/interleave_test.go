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

// A race is all that chance decides about several processes that get the same
// submission at once: which of them goes on next, and how late it is by then.
// Each stops before every question to the store and to the cloud, as a process
// may that freezes or loses its processor there.
type race struct {
	Processes int
	Watchers  int // of these only look at the submission's page
	Turns     []turn
	Creates   []string      // faults of CreateBackupJob
	Lag       time.Duration // of the list
}

// A turn lets one process go on until it has stopped so many times.
type turn struct {
	Who   int // of those that have not ended, counted around
	Stops int
	After time.Duration
}

func races() *rapid.Generator[race] {
	turns := rapid.Custom(func(t *rapid.T) turn {
		jump := rapid.SampledFrom([]int{0, 0, 0, 0, 0, 1, 10, 29, 31, 61, 95}).Draw(t, "after")
		return turn{
			Who: rapid.IntRange(0, 3).Draw(t, "who"), Stops: rapid.SampledFrom([]int{1, 1, 2, 3, 4, 5, 6}).Draw(t, "stops"),
			After: time.Duration(jump) * time.Second,
		}
	})
	return rapid.Custom(func(t *rapid.T) race {
		return race{
			Processes: rapid.IntRange(2, 4).Draw(t, "processes"),
			Watchers:  rapid.IntRange(0, 2).Draw(t, "watchers"),
			Turns:     rapid.SliceOfN(turns, 2, 16).Draw(t, "turns"),
			Creates:   rapid.SliceOfN(rapid.SampledFrom(createFaults), 0, 4).Draw(t, "creates"),
			Lag:       time.Duration(rapid.SampledFrom([]int{0, 5, 40, 60}).Draw(t, "lag")) * time.Second,
		}
	})
}

// A stage lets one process run at a time.
type stage struct {
	stopped chan *process // who has stopped, or ended
}

// A process is one that submits.
type process struct {
	stage  *stage
	resume chan struct{}
	ended  bool
	answer backup.Answer
	err    error
}

// stop waits until it is this process's turn.
func (p *process) stop() {
	p.stage.stopped <- p
	<-p.resume
}

// watch looks at the submission's page, which reconciles as a sweep does.
func (p *process) watch(ctx context.Context, own *backup.Service, sub backup.Submission) {
	for range 3 {
		p.stop()
		if _, err := own.Refresh(ctx, sub.Principal, sub.ID()); err != nil && !errors.Is(err, backup.ErrNotFound) {
			p.err = err
		}
	}
}

type stoppingStore struct {
	backup.Store
	*process
}

func (s stoppingStore) Known(ctx context.Context, key string, now time.Time) (backup.Record, error) {
	s.stop()
	return s.Store.Known(ctx, key, now)
}

func (s stoppingStore) Claim(ctx context.Context, r backup.Record) (backup.Record, bool, error) {
	s.stop()
	return s.Store.Claim(ctx, r)
}

func (s stoppingStore) Find(ctx context.Context, id string) (backup.Record, error) {
	s.stop()
	return s.Store.Find(ctx, id)
}

func (s stoppingStore) Append(ctx context.Context, id string, step backup.Step, audit ...backup.AuditRow) (bool, error) {
	s.stop()
	return s.Store.Append(ctx, id, step, audit...)
}

type stoppingLimits struct {
	backup.Limits
	*process
}

func (l stoppingLimits) Reserve(ctx context.Context, a backup.Reservation) (*backup.LimitError, error) {
	l.stop()
	return l.Limits.Reserve(ctx, a)
}

func (l stoppingLimits) Refund(ctx context.Context, key string, attempt int) error {
	l.stop()
	return l.Limits.Refund(ctx, key, attempt)
}

type stoppingCloud struct {
	backup.Cloud
	*process
}

func (c stoppingCloud) CreateBackupJob(ctx context.Context, call backup.Call) (backup.Created, error) {
	c.stop()
	return c.Cloud.CreateBackupJob(ctx, call)
}

func (c stoppingCloud) DescribeBackupJobs2(ctx context.Context, target backup.Target, filter backup.JobFilter) ([]backup.Job, error) {
	c.stop()
	defer c.stop() // with an answer that grows old
	return c.Cloud.DescribeBackupJobs2(ctx, target, filter)
}

// race plays a race for the submission of a key, then asks until it ends, and
// returns what should not have been.
func (r *fixture) race(ctx context.Context, plan race, key string) (id string, err error) {
	r.cloud.Reset()
	r.clock.Set(time.Now().Round(0))
	r.limit(key)
	if err := r.cloud.SetFaults(planOf(plan).faults()); err != nil {
		return "", err
	}
	s := &stage{stopped: make(chan *process)}
	var living []*process
	for i := range plan.Processes {
		p := &process{stage: s, resume: make(chan struct{})}
		own := *r.Service
		own.Store, own.Cloud, own.Limits = stoppingStore{own.Store, p}, stoppingCloud{own.Cloud, p}, stoppingLimits{own.Limits, p}
		go func() {
			if i < plan.Watchers {
				p.watch(ctx, &own, submission(key))
			} else {
				p.answer, p.err = own.Submit(ctx, submission(key))
			}
			p.ended = true
			s.stopped <- p
		}()
		living = append(living, <-s.stopped)
	}
	var answers []backup.Answer
	for i := 0; len(living) > 0; i++ {
		next := turn{Stops: 1}
		if i < len(plan.Turns) {
			next = plan.Turns[i]
		}
		r.clock.Add(next.After)
		at := next.Who % len(living)
		p := living[at]
		for range next.Stops {
			p.resume <- struct{}{}
			if <-s.stopped; p.ended {
				living = slices.Delete(living, at, at+1)
				break
			}
		}
		if p.ended && p.err == nil && p.answer.Status != "" && p.answer.Status != backup.StateUnknown {
			answers = append(answers, p.answer)
		}
	}
	if jobs := r.jobs(); jobs > 1 {
		return "", errTwice
	}
	return r.agree(ctx, key, answers)
}

// planOf is what the cloud does in a race.
func planOf(r race) plan { return plan{Creates: r.Creates, Lag: r.Lag} }

// agree asks until the submission ends, and compares that end with the answers
// that were given before.
func (r *fixture) agree(ctx context.Context, key string, answers []backup.Answer) (id string, err error) {
	for range mostAsks {
		answer, err := r.Submit(ctx, submission(key))
		wait := answer.RetryAfter
		if busy, ok := errors.AsType[*backup.BusyError](err); ok {
			wait = busy.RetryAfter
		} else if err != nil {
			return "", err
		}
		if r.jobs() > 1 {
			return "", errTwice
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
		return answer.SubmissionID, r.placed(ctx, key)
	}
	return "", errors.New("it does not end")
}

// Processes that get one submission at once, each of which may stop for any
// time between any two steps, make one job of it and agree about it.
func TestAnyInterleavingMakesAtMostOneJob(t *testing.T) {
	t.Parallel()
	r, n := newFixture(t), 0
	rapid.Check(t, func(rt *rapid.T) {
		plan := races().Draw(rt, "race")
		n++
		id, err := r.race(t.Context(), plan, fmt.Sprint("k", n))
		if err != nil {
			rt.Fatal(err)
		}
		if _, err := r.steps(id); err != nil {
			rt.Fatal(err)
		}
	})
}

// mutants are ways to break the promise, each of which the races find. The
// last one is rare, so its races all begin with a refusal.
var mutants = []struct {
	name    string
	mutate  func(*fixture)
	creates []string
}{
	{name: "no time to settle", mutate: func(r *fixture) { r.ListLag = 1 }},
	{name: "a list later than the window", mutate: func(r *fixture) { r.Cloud = laggingCloud{r.Cloud, 100 * time.Second, r.clock} }},
	{name: "void without a listing", mutate: func(r *fixture) { r.Cloud = blindCloud{r.Cloud} }},
	{name: "an unknown outcome for none", mutate: func(r *fixture) { r.Cloud = rashCloud{r.Cloud} }},
	{name: "sending after the window", mutate: func(r *fixture) { r.Cloud = lateCloud{r.Cloud} }},
	{"giving back what a later attempt holds", func(r *fixture) { r.Limits = generousLimits{r.Limits} }, []string{"drop"}},
	{name: "sending although another won", mutate: func(r *fixture) { r.Store = greedyStore{r.Store} }},
	{"a late refusal behind the rest", func(r *fixture) { r.Store = stubbornStore{r.Store} }, []string{"refuse 404 VaultNotExist"}},
}

// A laggingCloud shows jobs only when they are older than lag.
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

// A blindCloud lists nothing.
type blindCloud struct{ backup.Cloud }

func (blindCloud) DescribeBackupJobs2(context.Context, backup.Target, backup.JobFilter) ([]backup.Job, error) {
	return nil, nil
}

// A rashCloud takes a lost answer for no effect.
type rashCloud struct{ backup.Cloud }

func (c rashCloud) CreateBackupJob(ctx context.Context, call backup.Call) (backup.Created, error) {
	created, err := c.Cloud.CreateBackupJob(ctx, call)
	if cloud, ok := errors.AsType[*backup.CloudError](err); ok && errors.Is(err, backup.ErrUnknownOutcome) {
		cloud.Outcome = backup.ErrNotSent
	}
	return created, err
}

// A lateCloud sends whenever it is called.
type lateCloud struct{ backup.Cloud }

func (c lateCloud) CreateBackupJob(ctx context.Context, call backup.Call) (backup.Created, error) {
	call.Until = time.Time{}
	return c.Cloud.CreateBackupJob(ctx, call)
}

// generousLimits give back whatever is held.
type generousLimits struct{ backup.Limits }

func (l generousLimits) Refund(ctx context.Context, key string, _ int) error {
	return l.Limits.Refund(ctx, key, math.MaxInt32)
}

// A greedyStore says that every attempt is the caller's.
type greedyStore struct{ backup.Store }

func (s greedyStore) Append(ctx context.Context, id string, step backup.Step, audit ...backup.AuditRow) (bool, error) {
	ours, err := s.Store.Append(ctx, id, step, audit...)
	return ours || step.Kind == backup.StepAttempt, err
}

// A stubbornStore writes a refusal wherever there is room for it.
type stubbornStore struct{ backup.Store }

func (s stubbornStore) Append(ctx context.Context, id string, step backup.Step, audit ...backup.AuditRow) (ours bool, err error) {
	for {
		ours, err = s.Store.Append(ctx, id, step, audit...)
		if ours || err != nil || step.Kind != backup.StepRefused || step.N > 64 {
			return ours, err
		}
		step.N++
	}
}

func TestInterleavingsFindWhatBreaksThePromise(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			r := newFixture(t)
			m.mutate(r)
			for seed := range 2000 {
				plan := races().Example(seed)
				if m.creates != nil {
					plan.Creates = m.creates
				}
				if _, err := r.race(t.Context(), plan, fmt.Sprint("k", seed)); err != nil {
					t.Logf("seed %d: %v", seed, err)
					return
				}
			}
			t.Error("no race finds it")
		})
	}
}
