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
		if first.Sub(now) > 50*time.Millisecond || now.Sub(first) > 100*time.Millisecond {
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

// TestPaceIgnoresOldRefusals proves that several refusals of items that were started before the rate became lower count once.
func TestPaceIgnoresOldRefusals(t *testing.T) {
	now := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	p := batch.Pace{Interval: 10 * time.Millisecond, Least: 10 * time.Millisecond}
	first := p.Slowed(now, now.Add(-20*time.Millisecond))
	if first.Interval <= p.Interval || !first.Next.After(now) {
		t.Errorf("slowed to %+v", first)
	}
	if again := first.Slowed(now.Add(time.Millisecond), now.Add(-10*time.Millisecond)); again != first {
		t.Errorf("slowed again to %+v", again)
	}
	later := now.Add(time.Second)
	if second := first.Slowed(later, later); second.Interval-first.Interval <= first.Interval-p.Interval {
		t.Errorf("the second step is not larger: %v, %v, %v", p.Interval, first.Interval, second.Interval)
	}
	if _, _, _, eased := first.Take(now.Add(time.Minute), 1); eased.Interval != p.Least {
		t.Errorf("after a minute the interval is %v", eased.Interval)
	}
}
