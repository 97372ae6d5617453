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

// A limiting policy adds limits to what another one grants.
type limiting struct {
	backup.Policy
	limits backup.Grant
}

func (p limiting) Decide(ctx context.Context, who identity.Principal, given param.Params) (backup.Grant, []param.Mistake) {
	g, denied := p.Policy.Decide(ctx, who, given)
	g.Rates, g.Quotas, g.Cooldown = p.limits.Rates, p.limits.Quotas, p.limits.Cooldown
	return g, denied
}

// limit lets there be one backup in a day of those with the limits of a key.
func (r *fixture) limit(key string) {
	inner := r.Policy
	if already, ok := inner.(limiting); ok {
		inner = already.Policy
	}
	r.Policy = limiting{inner, onlyOne(key)}
}

func onlyOne(key string) backup.Grant {
	return backup.Grant{Quotas: []backup.Quota{{Key: "t:" + key, Day: 1}}}
}

// errFree says that a job was made that is not counted.
var errFree = errors.New("there is a job, and its place is free")

// placed says whether the job of a submission is counted in the limits of a key,
// after a run that may have begun the day before.
func (r *fixture) placed(ctx context.Context, key string) error {
	for _, ago := range []time.Duration{0, 24 * time.Hour} {
		limit, err := r.Limits.Reserve(ctx, backup.Reservation{Key: fmt.Sprint("probe ", key, ago), Grant: onlyOne(key), Now: r.clock.Now().Add(-ago)})
		if err != nil || limit != nil || r.jobs() == 0 {
			return err
		}
	}
	return errFree
}

// creates is how many jobs the cloud was asked for.
func (r *fixture) creates() (n int) {
	for _, c := range r.cloud.Ledger().Calls {
		if c.Action == "CreateBackupJob" {
			n++
		}
	}
	return n
}

// Only so many backups are made as there may be; what is over a limit never
// reaches the cloud, leaves nothing in the history, and may come again. (T12.)
func TestLimitedSubmissionReachesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		r := newFixtureOn(t, url)
		r.Policy = limiting{r.Policy, backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 2}}}}
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
		// A repeat has its answer whatever the limits are by now, and takes nothing.
		if again, err := r.Submit(t.Context(), submission("k0")); err != nil || !again.Replayed {
			t.Errorf("a repeat: %+v, %v", again.Status, err)
		}
		r.Policy = limiting{r.Policy, backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 3}}}}
		if answer, err := r.Submit(t.Context(), submission("k2")); err != nil || answer.Status != backup.StateCreated || answer.Replayed {
			t.Errorf("the third, when three may be: %s, %v", answer.Status, err)
		}
	})
}

// An answer from before there were limits is still the answer.
func TestRepeatOfASubmissionThatWasNeverAdmitted(t *testing.T) {
	r := newFixture(t)
	first, err := r.Submit(t.Context(), submission("k"))
	if err != nil {
		t.Fatal(err)
	}
	r.Policy = limiting{r.Policy, backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 0}}}}
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

// What surely started nothing gives back what it took; what may have, does not.
func TestWhatStartedNothingGivesBackItsPlace(t *testing.T) {
	for fault, free := range map[string]bool{
		"ok": false, "drop-after": false, "drop": false, "500": false, "refuse 400 SomethingUnheardOf": false,
		"throttle forever": true, "refuse 403 NoPermission": true, "refuse 404 VaultNotExist": true,
	} {
		t.Run(fault, func(t *testing.T) {
			r := newFixture(t)
			r.Policy = limiting{r.Policy, backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 1}}, Cooldown: time.Hour}}
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

// Once it is known that a lost call made no job, its place is free again, whoever
// found out; if it made one, it is not.
func TestLostCallGivesBackItsPlaceWhenItIsKnownToHaveMadeNothing(t *testing.T) {
	for fault, free := range map[string]bool{"drop": true, "drop-after": false} {
		for _, by := range []string{"look", "sweep"} {
			r := newFixture(t)
			r.Policy = limiting{r.Policy, backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 1}}}}
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

// A repeat that comes after its process died between the limits and the first
// attempt goes on, and is not in its own way.
func TestCrashBetweenLimitsAndAttempt(t *testing.T) {
	r := newFixture(t)
	r.Policy = limiting{r.Policy, backup.Grant{Rates: []backup.Rate{{Key: "p:a", Burst: 1, Per: time.Hour}}, Quotas: []backup.Quota{{Key: "t:a", Day: 1}}, Cooldown: time.Hour}}
	whole := r.Store
	r.Store = noClaims{whole}
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

// noClaims is a store that fails as the process goes on to claim.
type noClaims struct{ backup.Store }

func (noClaims) Claim(context.Context, backup.Record) (backup.Record, bool, error) {
	return backup.Record{}, false, errors.New("stopped")
}

// A key that is used again for another submission is refused before anything is
// taken: what is sent as a new one after that is not in its own way.
func TestReusedKeyTakesNothing(t *testing.T) {
	r := newFixture(t)
	if _, err := r.Submit(t.Context(), submission("k")); err != nil {
		t.Fatal(err)
	}
	r.Policy = limiting{r.Policy, backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 1}}, Cooldown: time.Hour}}
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

// Two submissions with one key at once: the one that is too late gives back what
// it took, and nothing of the other's.
func TestReusedKeyGivesBackOnlyItsOwn(t *testing.T) {
	r := newFixture(t)
	r.Policy = limiting{r.Policy, backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 2}}}}
	other := submission("k")
	other.Params["Retention"] = "16"
	late := *r.Service
	late.Store = overtaken{late.Store, func() {
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

// An overtaken store is late with its claim.
type overtaken struct {
	backup.Store
	by func()
}

func (s overtaken) Claim(ctx context.Context, r backup.Record) (backup.Record, bool, error) {
	s.by()
	return s.Store.Claim(ctx, r)
}

// A repeat of what was made before there were limits takes nothing of them.
func TestRepeatTakesNothing(t *testing.T) {
	r := newFixture(t)
	if _, err := r.Submit(t.Context(), submission("k")); err != nil {
		t.Fatal(err)
	}
	r.Policy = limiting{r.Policy, backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 1}}, Cooldown: time.Hour}}
	if again, err := r.Submit(t.Context(), submission("k")); err != nil || !again.Replayed {
		t.Errorf("the repeat: %+v, %v", again.Status, err)
	}
	if answer, err := r.Submit(t.Context(), submission("other")); err != nil || answer.Status != backup.StateCreated {
		t.Errorf("another one: %s, %v", answer.Status, err)
	}
}

// A repeat may go on while a sweep finds out that the lost call made nothing, and
// gives back its place. The job that the repeat then makes has a place, whichever
// of the two is faster.
func TestJobHasItsPlaceWhoeverElseGivesItBack(t *testing.T) {
	limits := backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 1}}, Cooldown: 24 * time.Hour}
	for name, race := range map[string]func(*testing.T, *fixture){
		"given back while the repeat lists": func(t *testing.T, r *fixture) {
			repeat := *r.Service
			repeat.Cloud = overtakenCloud{r.Cloud, func() { sweepOnce(t, r.Service) }}
			created(t, &repeat)
		},
		"given back after the repeat": func(t *testing.T, r *fixture) {
			slow := *r.Service
			slow.Limits = lateLimits{r.Limits, func() { created(t, r.Service) }}
			sweepOnce(t, &slow)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newFixture(t)
			r.Policy = limiting{r.Policy, limits}
			r.fail(t, "CreateBackupJob: drop")
			if first, err := r.Submit(t.Context(), submission("one")); err != nil || first.Status != backup.StateUnknown {
				t.Fatalf("%s, %v", first.Status, err)
			}
			r.clock.Add(2 * time.Minute)
			race(t, r)
			if _, ok := errors.AsType[*backup.LimitError](submit(r, t, "two")); !ok || r.jobs() != 1 {
				t.Errorf("a second backup where one may be, with %d jobs of the first", r.jobs())
			}
		})
	}
}

func sweepOnce(t *testing.T, s *backup.Service) {
	if _, err := s.Sweep(t.Context(), year); err != nil {
		t.Errorf("Sweep: %v", err)
	}
}

// created submits the submission of key one, which makes a job.
func created(t *testing.T, s *backup.Service) {
	if answer, err := s.Submit(t.Context(), submission("one")); err != nil || answer.Status != backup.StateCreated {
		t.Errorf("the repeat: %s, %v", answer.Status, err)
	}
}

func submit(r *fixture, t *testing.T, key string) error {
	_, err := r.Submit(t.Context(), submission(key))
	return err
}

// An overtakenCloud answers a listing late.
type overtakenCloud struct {
	backup.Cloud
	by func()
}

func (c overtakenCloud) DescribeBackupJobs2(ctx context.Context, target backup.Target, filter backup.JobFilter) ([]backup.Job, error) {
	jobs, err := c.Cloud.DescribeBackupJobs2(ctx, target, filter)
	c.by()
	return jobs, err
}

// lateLimits give back late.
type lateLimits struct {
	backup.Limits
	first func()
}

func (l lateLimits) Refund(ctx context.Context, key string, attempt int) error {
	l.first()
	return l.Limits.Refund(ctx, key, attempt)
}
