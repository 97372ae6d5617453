package backup_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"backupportal/function/backup"
)

// A limiting policy adds limits to what another one grants.
type limiting struct {
	backup.Policy
	limits backup.Grant
}

func (p limiting) Decide(ctx context.Context, who backup.Principal, given backup.Params) (backup.Grant, []backup.Mistake) {
	g, denied := p.Policy.Decide(ctx, who, given)
	g.Rates, g.Quotas, g.Cooldown = p.limits.Rates, p.limits.Quotas, p.limits.Cooldown
	return g, denied
}

// creates is how many jobs the cloud was asked for.
func (r *rig) creates() (n int) {
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
		r := newRigOn(t, url)
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
	r := newRig(t)
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
	if _, err := r.Submit(t.Context(), other); !errors.Is(err, backup.ErrQuota) {
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
			r := newRig(t)
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
			r := newRig(t)
			r.Policy = limiting{r.Policy, backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 1}}}}
			r.fail(t, "CreateBackupJob: "+fault)
			first, err := r.Submit(t.Context(), submission("one"))
			if err != nil || first.Status != backup.Unknown {
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
	r := newRig(t)
	r.Policy = limiting{r.Policy, backup.Grant{Rates: []backup.Rate{{Key: "p:a", Burst: 1, Per: time.Hour}}, Quotas: []backup.Quota{{Key: "t:a", Day: 1}}, Cooldown: time.Hour}}
	whole := r.Store
	r.Store = noClaims{whole}
	if _, err := r.Submit(t.Context(), submission("k")); !errors.Is(err, backup.ErrStoreAway) {
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
