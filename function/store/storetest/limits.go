package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"backupportal/function/backup"
)

// RunLimits runs the suite for [backup.Limits] on the stores that open makes, each
// of which must be empty.
func RunLimits(t *testing.T, open func(t *testing.T) backup.Limits) {
	for name, test := range map[string]func(*testing.T, backup.Limits){
		"of a burst exactly so many get through":            burst,
		"in the long run a rate is kept":                    steady,
		"to ask for the wait takes nothing":                 waits,
		"a quota is never exceeded":                         quota,
		"a quota is that of a day":                          quotaOfADay,
		"one of many gets a resource":                       oneCools,
		"whoever cooled a resource may have it again":       ownCooldown,
		"all is taken or nothing":                           allOrNothing,
		"a submission takes once, however often it comes":   takesOnce,
		"what is given back is given back once":             givesBackOnce,
		"what a later attempt holds is not given back":      laterAttemptHolds,
		"an expired key takes again":                        expiredKeyTakesAgain,
		"limits that hold each other up do not":             noDeadlock,
		"what says nothing any more is forgotten":           limitsForgotten,
		"keys that not every database takes change nothing": badKeys,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// asks is a submission that asks for some limits.
func asks(key string, g backup.Grant) backup.Reservation {
	return backup.Reservation{Key: key, Grant: g, Resource: "1000000000000001/i-1", Now: Start}
}

// admitted reports whether a is admitted, and what is in the way if not.
func admitted(t *testing.T, l backup.Limits, a backup.Reservation) (bool, *backup.LimitError) {
	t.Helper()
	limit, err := l.Reserve(t.Context(), a)
	if err != nil {
		t.Errorf("Reserve: %v", err)
	}
	return limit == nil && err == nil, limit
}

func quota(t *testing.T, l backup.Limits) {
	g := backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 25}}}
	won := race(func(i int) bool {
		ok, limit := admitted(t, l, asks(fmt.Sprint("key-", i), g))
		if limit != nil && (!errors.Is(limit, backup.ErrQuota) || limit.Key != "t:a" || limit.RetryAfter != 15*time.Hour) {
			t.Errorf("got %+v", limit)
		}
		return ok
	})
	if won != 25 {
		t.Errorf("%d of 64 were admitted, want 25", won)
	}
	if ok, limit := admitted(t, l, asks("none", backup.Grant{Quotas: []backup.Quota{{
		Key: "t:none",
		Day: 0,
	}}})); ok || limit.RetryAfter != 0 {
		t.Errorf("of none at all: %v, %+v", ok, limit)
	}
}

func quotaOfADay(t *testing.T, l backup.Limits) {
	g := backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 1}}}
	late := asks("one", g)
	late.Now = time.Date(2026, 11, 23, 23, 59, 59, 999e6, time.UTC)
	if ok, _ := admitted(t, l, late); !ok {
		t.Error("the first of the day was refused")
	}
	late.Key = "two"
	if ok, limit := admitted(t, l, late); ok || limit.RetryAfter != time.Millisecond {
		t.Errorf("the second of the day: %v, %+v", ok, limit)
	}
	late.Now = late.Now.Add(time.Millisecond).In(time.FixedZone("west", -8*3600))
	if ok, _ := admitted(t, l, late); !ok {
		t.Error("the first of the next day was refused")
	}
}

func oneCools(t *testing.T, l backup.Limits) {
	g := backup.Grant{Cooldown: 15 * time.Minute}
	won := race(func(i int) bool {
		ok, limit := admitted(t, l, asks(fmt.Sprint("key-", i), g))
		if limit != nil && (!errors.Is(limit, backup.ErrCooldown) || limit.Key != "i:i-1" || limit.RetryAfter != 15*time.Minute) {
			t.Errorf("got %+v", limit)
		}
		return ok
	})
	if won != 1 {
		t.Errorf("%d of 64 got it", won)
	}
}

func ownCooldown(t *testing.T, l backup.Limits) {
	one, two := asks("one", backup.Grant{Cooldown: time.Minute}), asks("two", backup.Grant{Cooldown: time.Minute})
	if ok, _ := admitted(t, l, one); !ok {
		t.Fatal("the first was refused")
	}
	if err := l.Refund(t.Context(), "two", 0); err != nil { // a stranger
		t.Fatal(err)
	}
	if ok, _ := admitted(t, l, two); ok {
		t.Error("a stranger released it")
	}
	two.Now = Start.Add(time.Minute - time.Millisecond)
	if ok, limit := admitted(t, l, two); ok || limit.RetryAfter != time.Second {
		t.Errorf("a millisecond early: %v, %+v", ok, limit)
	}
	two.Now = Start.Add(time.Minute)
	if ok, _ := admitted(t, l, two); !ok {
		t.Error("not even when it was over")
	}
	other := asks("three", backup.Grant{Cooldown: time.Minute})
	other.Resource = "1000000000000001/i-2"
	if ok, _ := admitted(t, l, other); !ok {
		t.Error("another instance was refused")
	}
}

func allOrNothing(t *testing.T, l backup.Limits) {
	rates := []backup.Rate{{Key: "p:a", Burst: 2, Per: time.Hour}, {Key: "a:x", Burst: 100, Per: time.Hour}}
	full := backup.Grant{Rates: rates, Quotas: []backup.Quota{{Key: "t:a", Day: 100}}, Cooldown: time.Hour}
	if ok, _ := admitted(t, l, asks("one", full)); !ok {
		t.Fatal("the first was refused")
	}
	// Ten that fail at the cool-down, the last of all, take nothing.
	for i := range 10 {
		if ok, limit := admitted(t, l, asks(fmt.Sprint("more-", i), full)); ok || !errors.Is(limit, backup.ErrCooldown) {
			t.Errorf("more: %v, %+v", ok, limit)
		}
	}
	elsewhere := asks("two", full)
	elsewhere.Resource = "1000000000000001/i-2"
	if ok, limit := admitted(t, l, elsewhere); !ok {
		t.Errorf("the second of the rate: %+v", limit)
	}
	elsewhere.Key, elsewhere.Resource = "three", "1000000000000001/i-3"
	if ok, limit := admitted(t, l, elsewhere); ok || !errors.Is(limit, backup.ErrRate) || limit.Key != "p:a" || limit.RetryAfter != 30*time.Minute {
		t.Errorf("the third of the rate: %v, %+v", ok, limit)
	}
	elsewhere.Grant.Rates = nil
	if ok, limit := admitted(t, l, elsewhere); !ok {
		t.Errorf("what failed at the rate had cooled: %+v", limit)
	}
}

func takesOnce(t *testing.T, l backup.Limits) {
	g := backup.Grant{
		Rates:    []backup.Rate{{Key: "p:a", Burst: 2, Per: time.Hour}},
		Quotas:   []backup.Quota{{Key: "t:a", Day: 2}},
		Cooldown: time.Hour,
	}
	race(func(int) bool {
		if ok, limit := admitted(t, l, asks("one", g)); !ok {
			t.Errorf("a repeat was refused: %+v", limit)
		}
		return true
	})
	g.Cooldown = 0
	for i, want := range []bool{true, false} {
		if ok, _ := admitted(t, l, asks(fmt.Sprint("other-", i), g)); ok != want {
			t.Errorf("other submission %d: %v", i, ok)
		}
	}
}

func givesBackOnce(t *testing.T, l backup.Limits) {
	g := backup.Grant{
		Rates:    []backup.Rate{{Key: "p:a", Burst: 3, Per: time.Hour}},
		Quotas:   []backup.Quota{{Key: "t:a", Day: 2}, {Key: "a:x", Day: 2}},
		Cooldown: time.Hour,
	}
	bare := backup.Grant{Quotas: g.Quotas}
	if ok, _ := admitted(t, l, asks("one", g)); !ok {
		t.Fatal("refused")
	}
	if ok, _ := admitted(t, l, asks("two", bare)); !ok {
		t.Fatal("refused")
	}
	race(func(int) bool {
		if err := l.Refund(t.Context(), "one", 0); err != nil {
			t.Errorf("Refund: %v", err)
		}
		return true
	})
	for i, want := range []bool{true, false} {
		if ok, _ := admitted(t, l, asks(fmt.Sprint("next-", i), bare)); ok != want {
			t.Errorf("submission %d after one was given back: %v", i, ok)
		}
	}
	// It comes again, and takes all again but the rate; of which two are left then.
	again := asks("one", g)
	again.Now = Start.AddDate(0, 0, 1)
	if ok, limit := admitted(t, l, again); !ok {
		t.Errorf("what gave back came again: %+v", limit)
	}
	for i, want := range []bool{true, true, true, false} {
		if wait, err := l.Take(t.Context(), g.Rates[0], again.Now); err != nil || (wait == 0) != want {
			t.Errorf("rate %d: %v, %v", i, wait, err)
		}
	}
	cooled := asks("other", backup.Grant{Cooldown: time.Hour})
	cooled.Now = again.Now
	if ok, _ := admitted(t, l, cooled); ok {
		t.Error("what came again did not cool the resource")
	}
}

// Whoever knows that one attempt made nothing may be late to say so.
func laterAttemptHolds(t *testing.T, l backup.Limits) {
	g := backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 1}}, Cooldown: time.Hour}
	for _, attempt := range []int{0, 4, 2} {
		a := asks("one", g)
		a.Attempt = attempt
		if ok, limit := admitted(t, l, a); !ok {
			t.Errorf("for attempt %d: %+v", attempt, limit)
		}
	}
	for attempt, want := range []bool{3: false, 4: true} {
		if err := l.Refund(t.Context(), "one", attempt); err != nil {
			t.Fatal(err)
		}
		if ok, _ := admitted(t, l, asks("two", g)); ok != want {
			t.Errorf("given back for attempt %d: %v", attempt, ok)
		}
	}
}

func expiredKeyTakesAgain(t *testing.T, l backup.Limits) {
	g := backup.Grant{Rates: []backup.Rate{{Key: "p:a", Burst: 1, Per: 30 * 24 * time.Hour}}}
	a := asks("one", g)
	for i, c := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {backup.KeyExpires - time.Millisecond, true}, {backup.KeyExpires, false}} {
		a.Now = Start.Add(c.after)
		if ok, _ := admitted(t, l, a); ok != c.want {
			t.Errorf("%d, after %v: %v", i, c.after, ok)
		}
	}
}

// Submissions that name the same limits in another order wait for each other and
// never for ever.
func noDeadlock(t *testing.T, l backup.Limits) {
	rates := []backup.Rate{{
		Key:   "p:a",
		Burst: 1000,
		Per:   time.Hour,
	}, {Key: "a:x", Burst: 1000, Per: time.Hour}, {Key: "s:b", Burst: 1000, Per: time.Hour}}
	quotas := []backup.Quota{{Key: "t:a", Day: 1000}, {Key: "a:x", Day: 1000}}
	// Each is many statements, all of which have to come in the time of one.
	won := crowd(16, func(i int) bool {
		g := backup.Grant{
			Rates:  []backup.Rate{rates[i%3], rates[(i+1)%3], rates[(i+2)%3]},
			Quotas: []backup.Quota{quotas[i%2], quotas[(i+1)%2]},
		}
		ok, _ := admitted(t, l, asks(fmt.Sprint("key-", i), g))
		if i%3 == 0 {
			if err := l.Refund(t.Context(), fmt.Sprint("key-", i), 0); err != nil {
				t.Errorf("Refund: %v", err)
			}
		}
		return ok
	})
	if won != 16 {
		t.Errorf("%d of 16 were admitted", won)
	}
}

func limitsForgotten(t *testing.T, l backup.Limits) {
	g := backup.Grant{
		Rates:    []backup.Rate{{Key: "p:a", Burst: 1, Per: time.Hour}},
		Quotas:   []backup.Quota{{Key: "t:a", Day: 1}},
		Cooldown: time.Hour,
	}
	if ok, _ := admitted(t, l, asks("one", g)); !ok {
		t.Fatal("refused")
	}
	if err := l.ForgetLimits(t.Context(), Start); err != nil {
		t.Fatal(err)
	}
	for _, one := range []backup.Grant{{Rates: g.Rates}, {Quotas: g.Quotas}, {Cooldown: g.Cooldown}} {
		if ok, _ := admitted(t, l, asks("two", one)); ok {
			t.Errorf("%+v was forgotten too early", one)
		}
	}
	if ok, _ := admitted(t, l, asks("one", g)); !ok {
		t.Error("the admission was forgotten too early")
	}
	if err := l.ForgetLimits(t.Context(), Start.AddDate(0, 0, 9)); err != nil {
		t.Fatal(err)
	}
	if ok, limit := admitted(t, l, asks("one", g)); !ok { // at its old time, as if there had been nothing
		t.Errorf("after nine days: %+v", limit)
	}
}

func badKeys(t *testing.T, l backup.Limits) {
	for _, bad := range []string{"\x00", "\xff"} {
		if _, err := l.Take(t.Context(), backup.Rate{Key: bad, Burst: 1, Per: time.Hour}, Start); err == nil {
			t.Errorf("rate %q was taken", bad)
		}
		a := asks(bad, backup.Grant{Cooldown: time.Hour})
		if _, err := l.Reserve(t.Context(), a); err == nil {
			t.Errorf("key %q was admitted", bad)
		}
		if err := l.Refund(t.Context(), bad, 0); err == nil {
			t.Errorf("key %q was withdrawn", bad)
		}
	}
}
