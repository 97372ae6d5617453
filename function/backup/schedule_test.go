package backup_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"backupportal/function/backup"
	"backupportal/function/store/postgrestest"
	"backupportal/function/store/storetest"
)

// TestMain draws 200 schedules for each property, unless -rapid.checks says
// how many.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "200"); err != nil {
		panic(err)
	}
	os.Exit(postgrestest.Run(m))
}

// A plan is all that chance decides about the way of one submission: what the
// cloud does to each call, how late its list is, and how often, when and with
// what end somebody asks.
type plan struct {
	Creates []string      // faults of CreateBackupJob, one for each call
	Lists   []string      // faults of DescribeBackupJobs2, likewise
	Lag     time.Duration // of the list
	Asks    []ask
}

// An ask is one Submit, some time after the one before, in a process that dies
// at a point of its way.
type ask struct {
	After time.Duration
	Dies  string // one of deaths
}

// deaths are the points at which a process can end.
var deaths = []string{"", "", "admitted", "claimed", "attempted", "sent", "recorded", "withdrawing"}

// createFaults are those that decide about a CreateBackupJob, without those
// that take real time.
var createFaults = []string{
	"ok", "throttle", "throttle-429", "expired", "500", "500-after", "503", "503-after", "drop", "drop-after", "reset-after",
	"truncate", "bad-json", "html 502", "html-after 200", "empty-after 200", "no-job-id", "nonce-used-after", "redirect",
	"refuse 404 VaultNotExist", "success-false CrossAccountBackupSlrNotExist",
}

var listFaults = []string{"500", "drop", "truncate", "html 502", "bad-json"}

// plans draws plans. The cloud's SDK signs with the machine's clock, which the
// cloud allows to be 15 minutes off: a plan and what follows it fit into that.
func plans() *rapid.Generator[plan] {
	seconds := func(t *rapid.T, label string, of ...int) time.Duration {
		return time.Duration(rapid.SampledFrom(of).Draw(t, label)) * time.Second
	}
	asks := rapid.Custom(func(t *rapid.T) ask {
		return ask{After: seconds(t, "after", 0, 1, 7, 18, 29, 31, 40), Dies: rapid.SampledFrom(deaths).Draw(t, "dies")}
	})
	return rapid.Custom(func(t *rapid.T) plan {
		return plan{
			Creates: rapid.SliceOfN(rapid.SampledFrom(createFaults), 0, 5).Draw(t, "creates"),
			Lists:   rapid.SliceOfN(rapid.SampledFrom(listFaults), 0, 3).Draw(t, "lists"),
			Lag:     seconds(t, "lag", 0, 3, 15, 40, 60),
			Asks:    rapid.SliceOfN(asks, 1, 6).Draw(t, "asks"),
		}
	})
}

// faults is the schedule for the emulator.
func (p plan) faults() string {
	var rules []string
	if len(p.Creates) > 0 {
		rules = append(rules, "CreateBackupJob: "+strings.Join(p.Creates, ", "))
	}
	lists := slices.Clone(p.Lists)
	if p.Lag > 0 {
		lists = append(lists, "lag "+p.Lag.String())
	}
	if len(lists) > 0 {
		rules = append(rules, "DescribeBackupJobs2: "+strings.Join(lists, ", "))
	}
	return strings.Join(rules, "; ")
}

// errTwice says that the promise was broken.
var errTwice = errors.New("two jobs")

// mostAsks is how often one who waits as long as they are told has to ask.
const mostAsks = 150

// run plays a plan for the submission of a key, asks again as the answers say
// until there is a final one twice, and returns what should not have been.
func (r *fixture) run(ctx context.Context, p plan, key string) (id string, err error) {
	r.cloud.Reset()
	r.clock.Set(time.Now().Round(0))
	r.limit(key)
	if err := r.cloud.SetFaults(p.faults()); err != nil {
		return "", fmt.Errorf("%s: %w", p.faults(), err)
	}
	var first backup.Answer // the first one that is final
	again := time.Second
	for i := range mostAsks {
		next := ask{After: again}
		if i < len(p.Asks) {
			next = p.Asks[i]
		}
		r.clock.Add(next.After)
		if r.before != nil {
			r.before(i)
		}
		answer, err := r.mortal(next.Dies).submit(ctx, key)
		again = answer.RetryAfter
		if busy, ok := errors.AsType[*backup.BusyError](err); ok {
			again = busy.RetryAfter
		} else if err != nil && !errors.Is(err, errDied) {
			return "", err
		}
		final := err == nil && answer.Status != backup.StateUnknown
		switch jobs := r.jobs(); {
		case jobs > 1:
			return "", fmt.Errorf("%w after ask %d", errTwice, i)
		case final && (answer.Status == backup.StateCreated) != (jobs == 1):
			return "", fmt.Errorf("ask %d is answered %s, with %d jobs", i, answer.Status, jobs)
		case final && first.Status == "":
			first = answer
		case final && (answer.Status != first.Status || answer.Last.JobID != first.Last.JobID || !answer.Replayed):
			return "", fmt.Errorf("the answer changed from %+v to %+v", first, answer)
		case final && i > len(p.Asks):
			return answer.SubmissionID, r.placed(ctx, key)
		}
	}
	return "", errors.New("it does not end")
}

// A life is the service in a process that ends at some point.
type life struct{ backup.Service }

var errDied = errors.New("the process ended")

// mortal is the service in a process that dies at a point.
func (r *fixture) mortal(dies string) *life {
	l := &life{*r.Service}
	l.Store, l.Cloud, l.Limits = mortalStore{l.Store, dies}, mortalCloud{l.Cloud, dies}, mortalLimits{l.Limits, dies}
	return l
}

// submit submits the submission of a key, unless it dies over that.
func (l *life) submit(ctx context.Context, key string) (answer backup.Answer, err error) {
	defer func() {
		if v := recover(); v == errDied {
			answer, err = backup.Answer{}, errDied
		} else if v != nil {
			panic(v)
		}
	}()
	return l.Submit(ctx, submission(key))
}

type mortalStore struct {
	backup.Store
	dies string
}

func (s mortalStore) Claim(ctx context.Context, r backup.Record) (backup.Record, bool, error) {
	known, ours, err := s.Store.Claim(ctx, r)
	if s.dies == "claimed" {
		panic(errDied)
	}
	return known, ours, err
}

func (s mortalStore) Append(ctx context.Context, id string, step backup.Step, audit ...backup.AuditRow) (bool, error) {
	ours, err := s.Store.Append(ctx, id, step, audit...)
	if step.Kind == backup.StepAttempt && s.dies == "attempted" || step.Kind != backup.StepAttempt && s.dies == "recorded" {
		panic(errDied)
	}
	return ours, err
}

type mortalLimits struct {
	backup.Limits
	dies string
}

func (m mortalLimits) Reserve(ctx context.Context, a backup.Reservation) (*backup.LimitError, error) {
	limit, err := m.Limits.Reserve(ctx, a)
	if m.dies == "admitted" {
		panic(errDied)
	}
	return limit, err
}

func (m mortalLimits) Refund(ctx context.Context, key string, attempt int) error {
	if m.dies == "withdrawing" {
		panic(errDied)
	}
	return m.Limits.Refund(ctx, key, attempt)
}

type mortalCloud struct {
	backup.Cloud
	dies string
}

func (c mortalCloud) CreateBackupJob(ctx context.Context, call backup.Call) (backup.Created, error) {
	created, err := c.Cloud.CreateBackupJob(ctx, call)
	if c.dies == "sent" {
		panic(errDied)
	}
	return created, err
}

// Whatever the cloud does, whenever somebody asks again and wherever a process
// dies, there is never a second job, an answer once given stays, and every
// submission ends. A failure shows the plan and the seed.
func TestAnyScheduleOfFaultsAndCrashesMakesAtMostOneJob(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		r, n := newFixture(t), 0
		rapid.Check(t, func(rt *rapid.T) {
			p := plans().Draw(rt, "plan")
			n++
			id, err := r.run(t.Context(), p, fmt.Sprint("k", n))
			if err != nil {
				rt.Fatal(err)
			}
			if _, err := r.steps(id); err != nil {
				rt.Fatal(err)
			}
		})
	})
	// The databases pass the suite that the store in memory passes: a few plans
	// show that the service works with them, too.
	onBoth(t, func(t *testing.T, url string) {
		r := newFixtureOn(t, url)
		for seed := range 25 {
			id, err := r.run(t.Context(), plans().Example(seed), fmt.Sprint("k", seed))
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if _, err := storetest.Log(url, id); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
	})
}

// With less time than the list lags behind, the same plans find two jobs: they
// could.
func TestSchedulesFindTwoJobsIfTheWindowIsTooShort(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.ListLag = time.Second
	for seed := range 200 {
		_, err := r.run(t.Context(), plans().Example(seed), fmt.Sprint("k", seed))
		if errors.Is(err, errTwice) {
			t.Logf("seed %d: %v", seed, err)
			return
		}
	}
	t.Error("no schedule finds two jobs")
}
