package backup_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// limitingPolicy adds limits to the grants of another policy.
type limitingPolicy struct {
	backup.Policy
	limits backup.Grant
}

func (p limitingPolicy) Decide(ctx context.Context, who identity.Principal, given param.Params) (backup.Grant, []param.Mistake) {
	g, denied := p.Policy.Decide(ctx, who, given)
	g.Rates, g.Quotas, g.Cooldown = p.limits.Rates, p.limits.Quotas, p.limits.Cooldown
	return g, denied
}

// limit makes the policy allow one backup per day. key is the key of that quota.
func (r *fixture) limit(key string) {
	inner := r.Policy
	if already, ok := inner.(limitingPolicy); ok {
		inner = already.Policy
	}
	r.Policy = limitingPolicy{inner, onePerDay(key)}
}

// onePerDay returns a grant that allows one backup per day.
func onePerDay(key string) backup.Grant {
	return backup.Grant{Quotas: []backup.Quota{{Key: "t:" + key, Day: 1}}}
}

// errNotCounted means that a job exists but its quota did not count the job.
var errNotCounted = errors.New("there is a job, and its place is free")

// checkCounted returns errNotCounted if a job exists and the quota of key still allows a backup
// today and yesterday. It checks both days because a test can run over midnight.
func (r *fixture) checkCounted(ctx context.Context, key string) error {
	for _, ago := range []time.Duration{0, 24 * time.Hour} {
		limit, err := r.Limits.Reserve(ctx, backup.Reservation{Key: fmt.Sprint("probe ", key, ago), Grant: onePerDay(key), Now: r.clock.Now().Add(-ago)})
		if err != nil || limit != nil || r.jobs() == 0 {
			return err
		}
	}
	return errNotCounted
}

// creates returns the number of CreateBackupJob requests.
func (r *fixture) creates() (n int) {
	for _, c := range r.cloud.Ledger().Calls {
		if c.Action == "CreateBackupJob" {
			n++
		}
	}
	return n
}

// TestLimitedSubmissionReachesNothing proves that a submission over a limit is not sent and
// leaves no record, and that it can be repeated with the same key. Threat T12.
func TestLimitedSubmissionReachesNothing(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		r := newFixtureOn(t, url)
		r.Policy = limitingPolicy{r.Policy, backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 2}}}}
		for i, want := range []error{nil, nil, backup.ErrQuota, backup.ErrQuota} {
			answer, err := r.Submit(t.Context(), submission(fmt.Sprint("k", i)))
			if !errors.Is(err, want) || want == nil && answer.Status != backup.StateCreated {
				t.Errorf("submission %d: %s, %v", i, answer.Status, err)
			}
		}
		page, err := r.List(t.Context(), submission("").Principal, backup.Query{Limit: 10})
		if err != nil || len(page.Records) != 2 || r.creates() != 2 {
			t.Errorf("%d in the history, %d calls, %v", len(page.Records), r.creates(), err)
		}
		// A repeated submission gets its earlier answer although the limit is reached, and takes
		// nothing from the limits.
		if again, err := r.Submit(t.Context(), submission("k0")); err != nil || !again.Replayed {
			t.Errorf("a repeat: %+v, %v", again.Status, err)
		}
		r.Policy = limitingPolicy{r.Policy, backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 3}}}}
		if answer, err := r.Submit(t.Context(), submission("k2")); err != nil || answer.Status != backup.StateCreated || answer.Replayed {
			t.Errorf("the third, when three may be: %s, %v", answer.Status, err)
		}
	})
}

// TestRepeatWithoutReservationGetsTheAnswer repeats a submission that was made when the policy
// had no limits, so it has taken nothing from them. The repeat must get the earlier answer.
func TestRepeatWithoutReservationGetsTheAnswer(t *testing.T) {
	r := newFixture(t)
	first, err := r.Submit(t.Context(), submission("k"))
	if err != nil {
		t.Fatal(err)
	}
	r.Policy = limitingPolicy{r.Policy, backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 0}}}}
	again, err := r.Submit(t.Context(), submission("k"))
	if err != nil || !again.Replayed || again.Last.JobID != first.Last.JobID {
		t.Errorf("got %+v, %v", again, err)
	}
	other := submission("k")
	other.Params["Retention"] = "16"
	if _, err := r.Submit(t.Context(), other); !errors.Is(err, backup.ErrKeyReused) {
		t.Errorf("another submission with that key: %v", err)
	}
}

// TestRefundAfterNoEffect proves that a submission that certainly started no job gives back
// what it took from the limits. One that may have started a job does not.
func TestRefundAfterNoEffect(t *testing.T) {
	for fault, free := range map[string]bool{
		"ok": false, "drop-after": false, "drop": false, "500": false, "refuse 400 SomethingUnheardOf": false,
		"throttle forever": true, "refuse 403 NoPermission": true, "refuse 404 VaultNotExist": true,
	} {
		t.Run(fault, func(t *testing.T) {
			r := newFixture(t)
			r.Policy = limitingPolicy{r.Policy, backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 1}}, Cooldown: time.Hour}}
			if fault != "ok" {
				r.fail(t, "CreateBackupJob: "+fault)
			}
			first, firstErr := r.Submit(t.Context(), submission("one"))
			r.fail(t, "")
			_, err := r.Submit(t.Context(), submission("two"))
			if got := err == nil; got != free {
				t.Errorf("after %s, %v the next one: %v", first.Status, firstErr, err)
			}
		})
	}
}

// TestRefundAfterListShowsNoJob tests a lost answer of the cloud. What the submission took from
// the limits is given back if the cloud's list proves that there is no job, and kept if the
// list shows a job.
func TestRefundAfterListShowsNoJob(t *testing.T) {
	for fault, free := range map[string]bool{"drop": true, "drop-after": false} {
		for _, by := range []string{"look", "sweep"} {
			r := newFixture(t)
			r.Policy = limitingPolicy{r.Policy, backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 1}}}}
			r.fail(t, "CreateBackupJob: "+fault)
			first, err := r.Submit(t.Context(), submission("one"))
			if err != nil || first.Status != backup.StateUnknown {
				t.Fatalf("%s, %v", first.Status, err)
			}
			r.clock.Add(2 * time.Minute)
			if by == "look" {
				_, err = r.Refresh(t.Context(), submission("").Principal, first.SubmissionID)
			} else {
				_, err = r.Sweep(t.Context(), year)
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Submit(t.Context(), submission("two")); (err == nil) != free {
				t.Errorf("%s, found out by a %s: %v", fault, by, err)
			}
		}
	}
}

// TestCrashBetweenLimitsAndAttempt tests a process that crashes after it has taken from the
// limits and before its first attempt. A repeated submission continues and is not counted
// twice.
func TestCrashBetweenLimitsAndAttempt(t *testing.T) {
	r := newFixture(t)
	r.Policy = limitingPolicy{r.Policy, backup.Grant{Rates: []backup.Rate{{Key: "p:a", Burst: 1, Per: time.Hour}}, Quotas: []backup.Quota{{Key: "t:a", Day: 1}}, Cooldown: time.Hour}}
	whole := r.Store
	r.Store = claimFailsStore{whole}
	if _, err := r.Submit(t.Context(), submission("k")); !errors.Is(err, backup.ErrStoreUnavailable) {
		t.Fatalf("got %v", err)
	}
	r.Store = whole
	if answer, err := r.Submit(t.Context(), submission("k")); err != nil || answer.Status != backup.StateCreated {
		t.Errorf("the repeat: %s, %v", answer.Status, err)
	}
	if _, err := r.Submit(t.Context(), submission("other")); !errors.Is(err, backup.ErrRate) {
		t.Errorf("another one: %v", err)
	}
}

// claimFailsStore is a store in which Claim always fails.
type claimFailsStore struct{ backup.Store }

func (claimFailsStore) Claim(context.Context, backup.Record) (backup.Record, bool, error) {
	return backup.Record{}, false, errors.New("stopped")
}

// TestReusedKeyReservesNothing proves that a submission with a key of another submission is
// refused before it takes anything from the limits. With a new key it is therefore not limited.
func TestReusedKeyReservesNothing(t *testing.T) {
	r := newFixture(t)
	if _, err := r.Submit(t.Context(), submission("k")); err != nil {
		t.Fatal(err)
	}
	r.Policy = limitingPolicy{r.Policy, backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 1}}, Cooldown: time.Hour}}
	other := submission("k")
	other.Params["Retention"] = "16"
	for range 2 {
		if _, err := r.Submit(t.Context(), other); !errors.Is(err, backup.ErrKeyReused) {
			t.Errorf("another submission with that key: %v", err)
		}
	}
	other.Key = "new"
	if answer, err := r.Submit(t.Context(), other); err != nil || answer.Status != backup.StateCreated {
		t.Errorf("as a new one: %s, %v", answer.Status, err)
	}
}

// TestReusedKeyRefundsOnlyItsOwnReservation tests two different submissions with one key. The
// later one gives back only what it took from the limits itself.
func TestReusedKeyRefundsOnlyItsOwnReservation(t *testing.T) {
	r := newFixture(t)
	r.Policy = limitingPolicy{r.Policy, backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 2}}}}
	other := submission("k")
	other.Params["Retention"] = "16"
	late := *r.Service
	late.Store = claimHookStore{late.Store, func() {
		if answer, err := r.Submit(t.Context(), submission("k")); err != nil || answer.Status != backup.StateCreated {
			t.Errorf("the one that overtakes: %s, %v", answer.Status, err)
		}
	}}
	if _, err := late.Submit(t.Context(), other); !errors.Is(err, backup.ErrKeyReused) {
		t.Errorf("the one that is too late: %v", err)
	}
	for i, want := range []error{nil, backup.ErrQuota} {
		if _, err := r.Submit(t.Context(), submission(fmt.Sprint("next-", i))); !errors.Is(err, want) {
			t.Errorf("next %d: %v", i, err)
		}
	}
}

// claimHookStore is a store that calls the function by before each claim.
type claimHookStore struct {
	backup.Store
	by func()
}

func (s claimHookStore) Claim(ctx context.Context, r backup.Record) (backup.Record, bool, error) {
	s.by()
	return s.Store.Claim(ctx, r)
}

// TestRepeatReservesNothing proves that a repeated submission takes nothing from limits that
// the policy did not have when it was first made.
func TestRepeatReservesNothing(t *testing.T) {
	r := newFixture(t)
	if _, err := r.Submit(t.Context(), submission("k")); err != nil {
		t.Fatal(err)
	}
	r.Policy = limitingPolicy{r.Policy, backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 1}}, Cooldown: time.Hour}}
	if again, err := r.Submit(t.Context(), submission("k")); err != nil || !again.Replayed {
		t.Errorf("the repeat: %+v, %v", again.Status, err)
	}
	if answer, err := r.Submit(t.Context(), submission("other")); err != nil || answer.Status != backup.StateCreated {
		t.Errorf("another one: %s, %v", answer.Status, err)
	}
}

// TestLimitHidesNoConcurrentAnswer tests two processes: one has a new policy with a limit that
// is reached, the other still has the old policy and starts the job. The first one must report
// that job and not the limit.
func TestLimitHidesNoConcurrentAnswer(t *testing.T) {
	r := newFixture(t)
	first := ""
	limited := *r.Service
	limited.Policy = limitingPolicy{r.Policy, backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 0}}}}
	limited.Limits = reserveHookLimits{r.Limits, func() { first = r.submit(t, submission("k")) }}
	answer, err := limited.Submit(t.Context(), submission("k"))
	if err != nil || answer.Status != backup.StateCreated || !answer.Replayed || answer.SubmissionID != first || r.jobs() != 1 {
		t.Errorf("%+v, %v, %d jobs", answer, err, r.jobs())
	}
}

// reserveHookLimits are limits that call the function first before each reservation.
type reserveHookLimits struct {
	backup.Limits
	first func()
}

func (l reserveHookLimits) Reserve(ctx context.Context, a backup.Reservation) (*backup.LimitError, error) {
	l.first()
	return l.Limits.Reserve(ctx, a)
}

// TestRefundRaceKeepsReservationOfTheJob tests a sweep and a repeated submission at the same
// time. The sweep finds that a lost call started no job and gives back what it took from the
// limits, while the repeat starts a job. In both orders the job must be counted.
func TestRefundRaceKeepsReservationOfTheJob(t *testing.T) {
	limits := backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 1}}, Cooldown: 24 * time.Hour}
	for name, race := range map[string]func(*testing.T, *fixture){
		"given back while the repeat lists": func(t *testing.T, r *fixture) {
			repeat := *r.Service
			repeat.Cloud = slowCloud{r.Cloud, func() { sweepOnce(t, r.Service) }}
			mustCreate(t, &repeat)
		},
		"given back after the repeat": func(t *testing.T, r *fixture) {
			slow := *r.Service
			slow.Limits = refundHookLimits{r.Limits, func() { mustCreate(t, r.Service) }}
			sweepOnce(t, &slow)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newFixture(t)
			r.Policy = limitingPolicy{r.Policy, limits}
			r.fail(t, "CreateBackupJob: drop")
			if first, err := r.Submit(t.Context(), submission("one")); err != nil || first.Status != backup.StateUnknown {
				t.Fatalf("%s, %v", first.Status, err)
			}
			r.clock.Add(2 * time.Minute)
			race(t, r)
			if _, ok := errors.AsType[*backup.LimitError](submitKey(r, t, "two")); !ok || r.jobs() != 1 {
				t.Errorf("a second backup where one may be, with %d jobs of the first", r.jobs())
			}
		})
	}
}

// TestRefundedPlaceIsNotTakenTwice tests a repeat of a lost call. While it reads the cloud's
// list, a sweep gives back what the call took from the limits, and another submission takes it.
// The repeat is then over the limit and must send nothing.
func TestRefundedPlaceIsNotTakenTwice(t *testing.T) {
	r := newFixture(t)
	r.limit("a")
	r.fail(t, "CreateBackupJob: drop")
	r.submit(t, submission("one"))
	r.clock.Add(2 * time.Minute)
	repeat := *r.Service
	repeat.Cloud = slowCloud{r.Cloud, func() {
		sweepOnce(t, r.Service)
		r.submit(t, submission("two"))
	}}
	if answer, err := repeat.Submit(t.Context(), submission("one")); !errors.Is(err, backup.ErrQuota) || r.jobs() != 1 {
		t.Errorf("%s, %v, %d jobs", answer.Status, err, r.jobs())
	}
}

// sweepOnce runs one sweep (regular background run). It fails the test if the sweep fails.
func sweepOnce(t *testing.T, s *backup.Service) {
	if _, err := s.Sweep(t.Context(), year); err != nil {
		t.Errorf("Sweep: %v", err)
	}
}

// mustCreate submits a backup with the key "one". It fails the test if no job is started.
func mustCreate(t *testing.T, s *backup.Service) {
	if answer, err := s.Submit(t.Context(), submission("one")); err != nil || answer.Status != backup.StateCreated {
		t.Errorf("the repeat: %s, %v", answer.Status, err)
	}
}

// submitKey submits a key and returns only the error.
func submitKey(r *fixture, t *testing.T, key string) error {
	_, err := r.Submit(t.Context(), submission(key))
	return err
}

// refundHookLimits are limits that call the function first before each refund.
type refundHookLimits struct {
	backup.Limits
	first func()
}

func (l refundHookLimits) Refund(ctx context.Context, key string, attempt int) error {
	l.first()
	return l.Limits.Refund(ctx, key, attempt)
}
