package backup

import (
	"errors"
	"testing"
	"time"

	"backupportal/function/param"
)

// TestRemainingAmounts proves how much is left of each limit and how long to wait for the next
// backup. A rate becomes free step by step, a quota at midnight of UTC, and a cool-down when it
// ends, after at least a second.
func TestRemainingAmounts(t *testing.T) {
	now := time.Date(2026, 12, 31, 23, 0, 0, 900_000, time.FixedZone("", 8*60*60)) // 0.9 ms after 15:00 of UTC
	exact := now.Truncate(time.Millisecond)                                        // stores keep milliseconds
	rate := Rate{Key: "p:a", Burst: 3, Per: time.Minute}
	quota := Quota{Key: "t:a", Day: 3}
	grant := Grant{Cooldown: 2 * time.Hour}
	for name, c := range map[string]struct {
		got  LimitUse
		left int
		wait time.Duration
	}{
		"a rate never used":        {rate.Use(time.Time{}, now), 3, 0},
		"a rate used one by one":   {rate.Use(exact, now), 3, 0},
		"a rate used once":         {rate.Use(exact.Add(time.Millisecond), now), 2, 0},
		"a rate used twice":        {rate.Use(exact.Add(40*time.Second), now), 1, 0},
		"a rate used up":           {rate.Use(exact.Add(60*time.Second), now), 0, 20 * time.Second},
		"a rate nearly free":       {rate.Use(exact.Add(40*time.Second+time.Millisecond), now), 0, time.Millisecond},
		"a rate that became lower": {rate.Use(exact.Add(90*time.Second), now), 0, 50 * time.Second},
		"a quota never used":       {quota.Use(0, now), 3, 0},
		"a quota with one left":    {quota.Use(2, now), 1, 0},
		"a quota used up":          {quota.Use(3, exact), 0, 9 * time.Hour},
		"a quota that went down":   {quota.Use(5, exact), 0, 9 * time.Hour},
		"a quota of one":           {Quota{Day: 1}.Use(1, exact), 0, 9 * time.Hour},
		"a quota of none":          {Quota{}.Use(0, now), 0, 0},
		"no cool-down":             {grant.CooldownUse("1000/i-1", time.Time{}, now), 1, 0},
		"a cool-down that ends":    {grant.CooldownUse("1000/i-1", now, now), 1, 0},
		"a cool-down":              {grant.CooldownUse("1000/i-1", now.Add(time.Hour), now), 0, time.Hour},
		"the end of a cool-down":   {grant.CooldownUse("1000/i-1", now.Add(time.Millisecond), now), 0, time.Second},
	} {
		if c.got.Left != c.left || c.got.Wait != c.wait {
			t.Errorf("%s: %d left, wait %v; want %d, %v", name, c.got.Left, c.got.Wait, c.left, c.wait)
		}
	}
	for _, c := range []struct{ got, want LimitUse }{
		{rate.Use(time.Time{}, now), LimitUse{Err: ErrRate, Key: "p:a", Left: 3, Of: 3, Per: time.Minute}},
		{quota.Use(0, now), LimitUse{Err: ErrQuota, Key: "t:a", Left: 3, Of: 3}},
		{
			grant.CooldownUse("1000/i-1", time.Time{}, now),
			LimitUse{Err: ErrCooldown, Key: "i:i-1", Left: 1, Of: 1, Per: 2 * time.Hour},
		},
	} {
		if c.got != c.want {
			t.Errorf("got %+v, want %+v", c.got, c.want)
		}
	}
}

// TestStoreErrorKeepsItsCause proves that the error for a failed store differs from that for a
// record that does not exist, and keeps the cause.
func TestStoreErrorKeepsItsCause(t *testing.T) {
	clock := &ClockError{Ahead: 1500 * time.Millisecond}
	err := storeUnavailable(clock)
	if found, ok := errors.AsType[*ClockError](err); !ok || found != clock || !errors.Is(err, ErrStoreUnavailable) {
		t.Errorf("got %v", err)
	}
	if err := storeUnavailable(ErrNotFound); errors.Is(err, ErrNotFound) || !errors.Is(err, ErrStoreUnavailable) {
		t.Errorf("a record that is missing now: %v", err)
	}
}

// TestClockErrorSaysTheDirection proves that an operator learns which clock is wrong, and by
// how much.
func TestClockErrorSaysTheDirection(t *testing.T) {
	for ahead, want := range map[time.Duration]string{
		1500 * time.Millisecond:  "the clock of this machine is 1.500 seconds ahead of the database's: synchronize both",
		-1500 * time.Millisecond: "the clock of this machine is 1.500 seconds behind the database's: synchronize both",
	} {
		if got := (&ClockError{Ahead: ahead}).Error(); got != want {
			t.Errorf("%v: %s", ahead, got)
		}
	}
}

// TestReceiverURLs proves that notices go to https only, or to this machine for tests.
func TestReceiverURLs(t *testing.T) {
	for text, valid := range map[string]bool{
		"https://hooks.example/a?b=c": true, "https://192.0.2.1/": true, "http://localhost:9000/a": true,
		"http://127.0.0.1/a": true, "http://[::1]:9000/": true,
		"http://hooks.example/a": false, "http://192.0.2.1/": false, "ftp://localhost/": false, "ftp://127.0.0.1/": false,
		"https://": false, "https:///a": false, "https://alice@hooks.example/": false, "https://hooks.example/#a": false,
		"https:hooks.example": false, "hooks.example/a": false, "https://hooks.example:x/": false, "": false,
	} {
		u, err := ParseReceiverURL(text)
		if (err == nil) != valid || valid && u.String() != text || !valid && !errors.Is(err, ErrReceiverURL) {
			t.Errorf("%q: %v, %v", text, u, err)
		}
	}
}

// TestListsOfContainersHaveNoType proves that a job of a container is searched among jobs of
// all types, because the cloud's list has no filter value for containers.
func TestListsOfContainersHaveNoType(t *testing.T) {
	for source, want := range map[param.SourceType]param.SourceType{
		param.UDMECS: param.UDMECS, param.ECSFile: param.ECSFile, param.Container: "",
	} {
		if got := listSourceType(source); got != want {
			t.Errorf("%s: %q, want %q", source, got, want)
		}
	}
}
