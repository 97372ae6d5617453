package batch_test

import (
	"testing"
	"time"

	"backupportal/function/batch"
)

// TestPaceGivesEachSlotOnce simulates several processes that take slots at random times: no two items start closer than the
// interval, apart from slots that are caught up, and no slot is lost while somebody asks.
func TestPaceGivesEachSlotOnce(t *testing.T) {
	now := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	p := batch.Pace{Interval: 5 * time.Millisecond, Least: 5 * time.Millisecond}
	began, taken := now, 0
	var last time.Time
	for now.Sub(began) < 10*time.Second {
		n, first, wait, after := p.Take(now, 16)
		p = after
		if n == 0 {
			if wait <= 0 {
				t.Fatalf("no slot and no wait at %v", now.Sub(began))
			}
			now = now.Add(wait)
			continue
		}
		if !last.IsZero() && first.Sub(last) < 5*time.Millisecond {
			t.Fatalf("slots %v and %v", last, first)
		}
		if first.Sub(now) > 50*time.Millisecond || now.Sub(first) > 75*time.Millisecond {
			t.Fatalf("a slot %v from now", first.Sub(now))
		}
		last = first.Add(time.Duration(n-1) * 5 * time.Millisecond)
		taken += n
		now = now.Add(time.Duration(7+taken%23) * time.Millisecond)
	}
	if taken < 1990 || taken > 2012 {
		t.Errorf("%d slots in 10 s, want about 2000", taken)
	}
	if p.Speed < 150 || p.Speed > 250 {
		t.Errorf("speed %v", p.Speed)
	}
}

// TestPaceIgnoresOldRefusals proves that several refusals of items that were started before the pace changed count once, and
// that the rate becomes lower only if refusals go on.
func TestPaceIgnoresOldRefusals(t *testing.T) {
	now := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	p := batch.Pace{Interval: 10 * time.Millisecond, Least: 10 * time.Millisecond}
	first := p.Slowed(now, now.Add(-20*time.Millisecond))
	if first.Interval != p.Interval || !first.Next.After(now) {
		t.Errorf("after a refusal: %+v", first)
	}
	if again := first.Slowed(now.Add(time.Millisecond), now.Add(-10*time.Millisecond)); again != first {
		t.Errorf("after an old refusal: %+v", again)
	}
	last, at := first, now
	for range 6 {
		at = at.Add(time.Second)
		next := last.Slowed(at, at)
		if next.Interval <= last.Interval || !next.Next.After(last.Next) {
			t.Errorf("after another refusal: %+v, then %+v", last, next)
		}
		last = next
	}
	if _, _, _, eased := last.Take(at.Add(2*time.Minute), 1); eased.Interval != p.Least {
		t.Errorf("after two minutes the interval is %v", eased.Interval)
	}
	if later := first.Slowed(now.Add(time.Minute), now.Add(time.Minute)); later.Interval != p.Interval {
		t.Errorf("after a refusal a minute later the interval is %v", later.Interval)
	}
}
