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

// TestMain runs each property with 200 random schedules, unless -rapid.checks is given.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "200"); err != nil {
		panic(err)
	}
	os.Exit(postgrestest.Run(m))
}

// plan is a random test case for one submission: the cloud's faults, how late jobs appear in
// the cloud's list, and the client's requests.
type plan struct {
	Creates  []string      // faults of CreateBackupJob, one for each call
	Lists    []string      // faults of DescribeBackupJobs2, one for each call
	Lag      time.Duration // lag of the cloud's list
	Requests []request
}

// request is one call of Submit in a plan: how long after the previous call it is made, and
// where the process crashes, if it does.
type request struct {
	After time.Duration
	Crash string // one of crashPoints; empty if the process does not crash
}

// crashPoints are the points at which a process can crash: after the reservation, after the claim,
// after the record of the attempt, after the call, after the record of the result, and before a
// refund. The empty text means no crash.
var crashPoints = []string{"", "", "reserved", "claimed", "attempted", "sent", "recorded", "refunding"}

// createFaults are the faults of CreateBackupJob that need no real time.
var createFaults = []string{
	"ok", "throttle", "throttle-429", "expired", "500", "500-after", "503", "503-after", "drop", "drop-after", "reset-after",
	"truncate", "bad-json", "html 502", "html-after 200", "empty-after 200", "no-job-id", "nonce-used-after", "redirect",
	"refuse 404 VaultNotExist", "success-false CrossAccountBackupSlrNotExist",
}

// listFaults are the faults of DescribeBackupJobs2 that need no real time.
var listFaults = []string{"500", "drop", "truncate", "html 502", "bad-json"}

// plans generates random plans. A plan and the requests after it take less than 15 minutes,
// because the cloud refuses signatures whose time differs more from its clock; the SDK signs
// with the machine's clock.
func plans() *rapid.Generator[plan] {
	seconds := func(t *rapid.T, label string, of ...int) time.Duration {
		return time.Duration(rapid.SampledFrom(of).Draw(t, label)) * time.Second
	}
	requests := rapid.Custom(func(t *rapid.T) request {
		return request{After: seconds(t, "after", 0, 1, 7, 18, 29, 31, 40), Crash: rapid.SampledFrom(crashPoints).Draw(t, "dies")}
	})
	return rapid.Custom(func(t *rapid.T) plan {
		return plan{
			Creates:  rapid.SliceOfN(rapid.SampledFrom(createFaults), 0, 5).Draw(t, "creates"),
			Lists:    rapid.SliceOfN(rapid.SampledFrom(listFaults), 0, 3).Draw(t, "lists"),
			Lag:      seconds(t, "lag", 0, 3, 15, 40, 60),
			Requests: rapid.SliceOfN(requests, 1, 6).Draw(t, "asks"),
		}
	})
}

// faults returns the faults of the cloud in the plan p, as a schedule for the emulator.
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

// errTwoJobs means that one submission made two jobs.
var errTwoJobs = errors.New("two jobs")

// maxRequests is the maximum number of requests of a client that waits between requests as long as
// each answer says.
const maxRequests = 150

// run executes a plan for one key. Then it repeats the submission, at the times that the
// answers give, until it has the final answer twice. It returns an error if a guarantee was
// violated, such as "at most one job".
func (r *fixture) run(ctx context.Context, p plan, key string) (id string, err error) {
	r.cloud.Reset()
	r.clock.Set(time.Now().Round(0))
	r.limit(key)
	if err := r.cloud.SetFaults(p.faults()); err != nil {
		return "", fmt.Errorf("%s: %w", p.faults(), err)
	}
	var first backup.Answer // the first final answer
	again := time.Second
	for i := range maxRequests {
		next := request{After: again}
		if i < len(p.Requests) {
			next = p.Requests[i]
		}
		r.clock.Add(next.After)
		if r.before != nil {
			r.before(i)
		}
		answer, err := r.crashing(next.Crash).submit(ctx, key)
		again = answer.RetryAfter
		if busy, ok := errors.AsType[*backup.BusyError](err); ok {
			again = busy.RetryAfter
		} else if err != nil && !errors.Is(err, errCrashed) {
			return "", err
		}
		final := err == nil && answer.Status != backup.StateUnknown
		switch jobs := r.jobs(); {
		case jobs > 1:
			return "", fmt.Errorf("%w after ask %d", errTwoJobs, i)
		case final && (answer.Status == backup.StateCreated) != (jobs == 1):
			return "", fmt.Errorf("ask %d is answered %s, with %d jobs", i, answer.Status, jobs)
		case final && first.Status == "":
			first = answer
		case final && (answer.Status != first.Status || answer.Last.JobID != first.Last.JobID || !answer.Replayed):
			return "", fmt.Errorf("the answer changed from %+v to %+v", first, answer)
		case final && i > len(p.Requests):
			return answer.SubmissionID, r.checkCounted(ctx, key)
		}
	}
	return "", errors.New("it does not end")
}

// crashingService is the service of a process that crashes at one point.
type crashingService struct{ backup.Service }

// errCrashed is the panic value of a crash.
var errCrashed = errors.New("the process ended")

// crashing returns the service of a process that crashes at the point crash.
func (r *fixture) crashing(crash string) *crashingService {
	l := &crashingService{*r.Service}
	l.Store, l.Cloud, l.Limits = crashStore{l.Store, crash}, crashCloud{l.Cloud, crash}, crashLimits{l.Limits, crash}
	return l
}

// submit submits a key. The error is errCrashed if the process crashed.
func (l *crashingService) submit(ctx context.Context, key string) (answer backup.Answer, err error) {
	defer func() {
		if v := recover(); v == errCrashed {
			answer, err = backup.Answer{}, errCrashed
		} else if v != nil {
			panic(v)
		}
	}()
	return l.Submit(ctx, submission(key))
}

// crashStore crashes after a claim, or after the record of a step.
type crashStore struct {
	backup.Store
	crash string
}

func (s crashStore) Claim(ctx context.Context, r backup.Record) (backup.Record, bool, error) {
	known, ours, err := s.Store.Claim(ctx, r)
	if s.crash == "claimed" {
		panic(errCrashed)
	}
	return known, ours, err
}

func (s crashStore) Append(ctx context.Context, id string, step backup.Step, audit ...backup.AuditRow) (bool, error) {
	ours, err := s.Store.Append(ctx, id, step, audit...)
	if step.Kind == backup.StepAttempt && s.crash == "attempted" || step.Kind != backup.StepAttempt && s.crash == "recorded" {
		panic(errCrashed)
	}
	return ours, err
}

// crashLimits crashes after a reservation or before a refund.
type crashLimits struct {
	backup.Limits
	crash string
}

func (m crashLimits) Reserve(ctx context.Context, a backup.Reservation) (*backup.LimitError, error) {
	limit, err := m.Limits.Reserve(ctx, a)
	if m.crash == "reserved" {
		panic(errCrashed)
	}
	return limit, err
}

func (m crashLimits) Refund(ctx context.Context, key string, attempt int) error {
	if m.crash == "refunding" {
		panic(errCrashed)
	}
	return m.Limits.Refund(ctx, key, attempt)
}

// crashCloud crashes after a call of the cloud, before the result of the call is recorded.
type crashCloud struct {
	backup.Cloud
	crash string
}

func (c crashCloud) CreateBackupJob(ctx context.Context, call backup.Call) (backup.Created, error) {
	created, err := c.Cloud.CreateBackupJob(ctx, call)
	if c.crash == "sent" {
		panic(errCrashed)
	}
	return created, err
}

// TestAnyScheduleOfFaultsAndCrashesMakesAtMostOneJob proves three guarantees for random faults
// of the cloud, times of requests and crashes. A submission starts at most one job, a final
// answer never changes, and every submission gets a final answer. A failure prints the plan and
// the seed.
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
	// A few plans are enough for the databases, because they pass the same conformance suite as the
	// memory store.
	onEachDatabase(t, func(t *testing.T, url string) {
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

// TestSchedulesFindTwoJobsIfListLagIsTooShort tests the test: it configures a ListLag that is
// shorter than the delay of the cloud's list. The random plans must then find a second job,
// which proves that they can detect one.
func TestSchedulesFindTwoJobsIfListLagIsTooShort(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.ListLag = time.Second
	for seed := range 200 {
		_, err := r.run(t.Context(), plans().Example(seed), fmt.Sprint("k", seed))
		if errors.Is(err, errTwoJobs) {
			t.Logf("seed %d: %v", seed, err)
			return
		}
	}
	t.Error("no schedule finds two jobs")
}
