package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"backupportal/function/backup"
)

// RunLimits runs the suite of limits. open returns an empty store for one test.
func RunLimits(t *testing.T, open func(t *testing.T) backup.Limits) {
	for name, test := range map[string]func(*testing.T, backup.Limits){
		"a burst is not exceeded":                         burstOfRate,
		"a rate holds over time":                          rateOverTime,
		"peeking takes nothing":                           peekTakesNothing,
		"usage says what the next reservation gets":       usageForeseesReserve,
		"a quota is never exceeded":                       quotaIsNotExceeded,
		"a quota belongs to a day of UTC":                 quotaOfDay,
		"one of many concurrent cool-downs wins":          oneCooldownWins,
		"a cool-down does not stop its own submission":    ownCooldown,
		"a reservation takes everything or nothing":       allOrNothing,
		"a repeated reservation takes nothing":            reserveIsIdempotent,
		"a repeated refund returns nothing":               refundIsIdempotent,
		"a later attempt's reservation is not refunded":   refundOfEarlierAttempt,
		"an expired key reserves again":                   expiredKeyReservesAgain,
		"reservations of the same limits do not deadlock": noDeadlock,
		"old limits are forgotten":                        oldLimitsAreForgotten,
		"keys that PostgreSQL cannot store are errors":    invalidKeys,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// reservation returns a reservation of the limits of g for a key.
func reservation(key string, g backup.Grant) backup.Reservation {
	return backup.Reservation{Key: key, Grant: g, Resource: "1000000000000001/i-1", Now: Start}
}

// reserve makes a reservation. It returns true if the reservation was made, and otherwise the limit
// that refused the reservation.
func reserve(t *testing.T, l backup.Limits, a backup.Reservation) (bool, *backup.LimitError) {
	t.Helper()
	limit, err := l.Reserve(t.Context(), a)
	if err != nil {
		t.Errorf("Reserve: %v", err)
	}
	return limit == nil && err == nil, limit
}

// usageForeseesReserve proves that Usage predicts Reserve: before each of many reservations
// over two days, it says whether the reservation will succeed. If not, it says which limit will
// refuse it and for how long.
func usageForeseesReserve(t *testing.T, l backup.Limits) {
	g := backup.Grant{
		Cooldown: 10 * time.Minute,
		Rates:    []backup.Rate{{Key: "a:a", Burst: 3, Per: time.Hour}, {Key: "p:p", Burst: 7, Per: 5 * time.Hour}},
		Quotas:   []backup.Quota{{Key: "a:a", Day: 9}, {Key: "t:t", Day: 8}},
	}
	kinds := map[error]int{}
	now := Start
	for n := range 60 {
		if now = now.Add(4 * time.Minute); n > 30 {
			now = now.Add(time.Hour) // into the next day
		}
		resource := fmt.Sprint("1000000000000001/i-", n%2)
		uses, err := l.Usage(t.Context(), g, resource, now)
		if err != nil || len(uses) != 5 {
			t.Fatalf("Usage: %+v, %v", uses, err)
		}
		var reached *backup.LimitUse
		for i := range uses {
			if use := &uses[i]; use.Left < 0 || use.Left > use.Of || (use.Left == 0) != (use.Wait > 0) {
				t.Fatalf("at %v: %+v", now.Sub(Start), *use)
			} else if reached == nil && use.Left == 0 {
				reached = use
			}
		}
		again, err := l.Usage(t.Context(), g, resource, now)
		if err != nil || !slices.Equal(uses, again) {
			t.Fatalf("Usage took something: %+v, then %+v, %v", uses, again, err)
		}
		a := backup.Reservation{Key: fmt.Sprint("usage-", n), Grant: g, Resource: resource, Now: now}
		ok, limit := reserve(t, l, a)
		switch {
		case ok != (reached == nil):
			t.Fatalf("at %v: reserved %t, but usage %+v", now.Sub(Start), ok, uses)
		case !ok && (!errors.Is(limit, reached.Err) || limit.Key != reached.Key || limit.RetryAfter != reached.Wait):
			t.Fatalf("at %v: limit %+v, but usage %+v", now.Sub(Start), limit, *reached)
		case !ok:
			kinds[reached.Err]++
		}
		after, err := l.Usage(t.Context(), g, resource, now)
		for i := range after {
			if ok && after[i].Left != uses[i].Left-1 {
				t.Fatalf("a reservation took %+v from %+v (%v)", after[i], uses[i], err)
			}
		}
	}
	if len(kinds) != 3 {
		t.Errorf("the test met only these limits: %v", kinds)
	}
}

func quotaIsNotExceeded(t *testing.T, l backup.Limits) {
	g := backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 25}}}
	won := race(func(i int) bool {
		ok, limit := reserve(t, l, reservation(fmt.Sprint("key-", i), g))
		if limit != nil && (!errors.Is(limit, backup.ErrQuota) || limit.Key != "t:a" || limit.RetryAfter != 15*time.Hour) {
			t.Errorf("got %+v", limit)
		}
		return ok
	})
	if won != 25 {
		t.Errorf("%d of 64 were admitted, want 25", won)
	}
	if ok, limit := reserve(t, l, reservation("none", backup.Grant{Quotas: []backup.Quota{{
		Key: "t:none",
		Day: 0,
	}}})); ok || limit.RetryAfter != 0 {
		t.Errorf("of none at all: %v, %+v", ok, limit)
	}
}

func quotaOfDay(t *testing.T, l backup.Limits) {
	g := backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 1}}}
	late := reservation("one", g)
	late.Now = time.Date(2026, 11, 23, 23, 59, 59, 999e6, time.UTC)
	if ok, _ := reserve(t, l, late); !ok {
		t.Error("the first of the day was refused")
	}
	late.Key = "two"
	if ok, limit := reserve(t, l, late); ok || limit.RetryAfter != time.Millisecond {
		t.Errorf("the second of the day: %v, %+v", ok, limit)
	}
	late.Now = late.Now.Add(time.Millisecond).In(time.FixedZone("west", -8*3600))
	if ok, _ := reserve(t, l, late); !ok {
		t.Error("the first of the next day was refused")
	}
}

func oneCooldownWins(t *testing.T, l backup.Limits) {
	g := backup.Grant{Cooldown: 15 * time.Minute}
	won := race(func(i int) bool {
		ok, limit := reserve(t, l, reservation(fmt.Sprint("key-", i), g))
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
	one, two := reservation("one", backup.Grant{Cooldown: time.Minute}), reservation("two", backup.Grant{Cooldown: time.Minute})
	if ok, _ := reserve(t, l, one); !ok {
		t.Fatal("the first was refused")
	}
	if err := l.Refund(t.Context(), "two", 0); err != nil { // the reservation "one" belongs to another submission
		t.Fatal(err)
	}
	if ok, _ := reserve(t, l, two); ok {
		t.Error("a stranger released it")
	}
	two.Now = Start.Add(time.Minute - time.Millisecond)
	if ok, limit := reserve(t, l, two); ok || limit.RetryAfter != time.Second {
		t.Errorf("a millisecond early: %v, %+v", ok, limit)
	}
	two.Now = Start.Add(time.Minute)
	if ok, _ := reserve(t, l, two); !ok {
		t.Error("not even when it was over")
	}
	other := reservation("three", backup.Grant{Cooldown: time.Minute})
	other.Resource = "1000000000000001/i-2"
	if ok, _ := reserve(t, l, other); !ok {
		t.Error("another instance was refused")
	}
}

func allOrNothing(t *testing.T, l backup.Limits) {
	rates := []backup.Rate{{Key: "p:a", Burst: 2, Per: time.Hour}, {Key: "a:x", Burst: 100, Per: time.Hour}}
	full := backup.Grant{Rates: rates, Quotas: []backup.Quota{{Key: "t:a", Day: 100}}, Cooldown: time.Hour}
	if ok, _ := reserve(t, l, reservation("one", full)); !ok {
		t.Fatal("the first was refused")
	}
	// The cool-down is the last limit that Reserve checks. Ten reservations that fail at the
	// cool-down take nothing from the other limits.
	for i := range 10 {
		if ok, limit := reserve(t, l, reservation(fmt.Sprint("more-", i), full)); ok || !errors.Is(limit, backup.ErrCooldown) {
			t.Errorf("more: %v, %+v", ok, limit)
		}
	}
	elsewhere := reservation("two", full)
	elsewhere.Resource = "1000000000000001/i-2"
	if ok, limit := reserve(t, l, elsewhere); !ok {
		t.Errorf("the second of the rate: %+v", limit)
	}
	elsewhere.Key, elsewhere.Resource = "three", "1000000000000001/i-3"
	if ok, limit := reserve(t, l, elsewhere); ok || !errors.Is(limit, backup.ErrRate) || limit.Key != "p:a" || limit.RetryAfter != 30*time.Minute {
		t.Errorf("the third of the rate: %v, %+v", ok, limit)
	}
	elsewhere.Grant.Rates = nil
	if ok, limit := reserve(t, l, elsewhere); !ok {
		t.Errorf("what failed at the rate had cooled: %+v", limit)
	}
}

func reserveIsIdempotent(t *testing.T, l backup.Limits) {
	g := backup.Grant{
		Rates:    []backup.Rate{{Key: "p:a", Burst: 2, Per: time.Hour}},
		Quotas:   []backup.Quota{{Key: "t:a", Day: 2}},
		Cooldown: time.Hour,
	}
	race(func(int) bool {
		if ok, limit := reserve(t, l, reservation("one", g)); !ok {
			t.Errorf("a repeat was refused: %+v", limit)
		}
		return true
	})
	g.Cooldown = 0
	for i, want := range []bool{true, false} {
		if ok, _ := reserve(t, l, reservation(fmt.Sprint("other-", i), g)); ok != want {
			t.Errorf("other submission %d: %v", i, ok)
		}
	}
}

func refundIsIdempotent(t *testing.T, l backup.Limits) {
	g := backup.Grant{
		Rates:    []backup.Rate{{Key: "p:a", Burst: 3, Per: time.Hour}},
		Quotas:   []backup.Quota{{Key: "t:a", Day: 2}, {Key: "a:x", Day: 2}},
		Cooldown: time.Hour,
	}
	bare := backup.Grant{Quotas: g.Quotas}
	if ok, _ := reserve(t, l, reservation("one", g)); !ok {
		t.Fatal("refused")
	}
	if ok, _ := reserve(t, l, reservation("two", bare)); !ok {
		t.Fatal("refused")
	}
	race(func(int) bool {
		if err := l.Refund(t.Context(), "one", 0); err != nil {
			t.Errorf("Refund: %v", err)
		}
		return true
	})
	for i, want := range []bool{true, false} {
		if ok, _ := reserve(t, l, reservation(fmt.Sprint("next-", i), bare)); ok != want {
			t.Errorf("submission %d after one was given back: %v", i, ok)
		}
	}
	// A new reservation after the refund takes the quota and the cool-down again, but takes nothing
	// from the rate.
	again := reservation("one", g)
	again.Now = Start.AddDate(0, 0, 1)
	if ok, limit := reserve(t, l, again); !ok {
		t.Errorf("what gave back came again: %+v", limit)
	}
	for i, want := range []bool{true, true, true, false} {
		if wait, err := l.Take(t.Context(), g.Rates[0], again.Now); err != nil || (wait == 0) != want {
			t.Errorf("rate %d: %v, %v", i, wait, err)
		}
	}
	cooled := reservation("other", backup.Grant{Cooldown: time.Hour})
	cooled.Now = again.Now
	if ok, _ := reserve(t, l, cooled); ok {
		t.Error("what came again did not cool the resource")
	}
}

// refundOfEarlierAttempt tests a process that learns late that an old attempt started nothing:
// it must not give back what a newer attempt needs.
func refundOfEarlierAttempt(t *testing.T, l backup.Limits) {
	g := backup.Grant{Quotas: []backup.Quota{{Key: "t:a", Day: 1}}, Cooldown: time.Hour}
	for _, attempt := range []int{0, 4, 2} {
		a := reservation("one", g)
		a.Attempt = attempt
		if ok, limit := reserve(t, l, a); !ok {
			t.Errorf("for attempt %d: %+v", attempt, limit)
		}
	}
	for attempt, want := range []bool{3: false, 4: true} {
		if err := l.Refund(t.Context(), "one", attempt); err != nil {
			t.Fatal(err)
		}
		if ok, _ := reserve(t, l, reservation("two", g)); ok != want {
			t.Errorf("given back for attempt %d: %v", attempt, ok)
		}
	}
}

func expiredKeyReservesAgain(t *testing.T, l backup.Limits) {
	g := backup.Grant{Rates: []backup.Rate{{Key: "p:a", Burst: 1, Per: 30 * 24 * time.Hour}}}
	for life, expires := range map[time.Duration]time.Duration{0: backup.KeyExpires, time.Hour: time.Hour} {
		g.Rates[0].Key = "p:" + life.String()
		a := reservation("one "+life.String(), g)
		a.KeyLife = life
		for i, c := range []struct {
			after time.Duration
			want  bool
		}{{0, true}, {expires - time.Millisecond, true}, {expires, false}} {
			a.Now = Start.Add(c.after)
			if ok, _ := reserve(t, l, a); ok != c.want {
				t.Errorf("life %v, %d, after %v: %v", life, i, c.after, ok)
			}
		}
	}
}

// noDeadlock proves that reservations that name the same limits in different orders all complete.
// They may wait for each other.
func noDeadlock(t *testing.T, l backup.Limits) {
	rates := []backup.Rate{{
		Key:   "p:a",
		Burst: 1000,
		Per:   time.Hour,
	}, {Key: "a:x", Burst: 1000, Per: time.Hour}, {Key: "s:b", Burst: 1000, Per: time.Hour}}
	quotas := []backup.Quota{{Key: "t:a", Day: 1000}, {Key: "a:x", Day: 1000}}
	// There are only 16 reservations, because each one runs many statements, and all of these must
	// end within the time of one statement.
	won := raceOf(16, func(i int) bool {
		g := backup.Grant{
			Rates:  []backup.Rate{rates[i%3], rates[(i+1)%3], rates[(i+2)%3]},
			Quotas: []backup.Quota{quotas[i%2], quotas[(i+1)%2]},
		}
		ok, _ := reserve(t, l, reservation(fmt.Sprint("key-", i), g))
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

func oldLimitsAreForgotten(t *testing.T, l backup.Limits) {
	g := backup.Grant{
		Rates:    []backup.Rate{{Key: "p:a", Burst: 1, Per: time.Hour}},
		Quotas:   []backup.Quota{{Key: "t:a", Day: 1}},
		Cooldown: time.Hour,
	}
	if ok, _ := reserve(t, l, reservation("one", g)); !ok {
		t.Fatal("refused")
	}
	if err := l.ForgetLimits(t.Context(), Start); err != nil {
		t.Fatal(err)
	}
	for _, one := range []backup.Grant{{Rates: g.Rates}, {Quotas: g.Quotas}, {Cooldown: g.Cooldown}} {
		if ok, _ := reserve(t, l, reservation("two", one)); ok {
			t.Errorf("%+v was forgotten too early", one)
		}
	}
	if ok, _ := reserve(t, l, reservation("one", g)); !ok {
		t.Error("the admission was forgotten too early")
	}
	if err := l.ForgetLimits(t.Context(), Start.AddDate(0, 0, 9)); err != nil {
		t.Fatal(err)
	}
	if ok, limit := reserve(t, l, reservation("one", g)); !ok { // Now is Start, as if there had been no reservation
		t.Errorf("after nine days: %+v", limit)
	}
}

func invalidKeys(t *testing.T, l backup.Limits) {
	for _, bad := range []string{"\x00", "\xff"} {
		if _, err := l.Take(t.Context(), backup.Rate{Key: bad, Burst: 1, Per: time.Hour}, Start); err == nil {
			t.Errorf("rate %q was taken", bad)
		}
		a := reservation(bad, backup.Grant{Cooldown: time.Hour})
		if _, err := l.Reserve(t.Context(), a); err == nil {
			t.Errorf("key %q was admitted", bad)
		}
		if err := l.Refund(t.Context(), bad, 0); err == nil {
			t.Errorf("key %q was withdrawn", bad)
		}
	}
}
