package storetest

import (
	"sync/atomic"
	"testing"
	"time"

	"backupportal/function/backup"
)

func burstOfRate(t *testing.T, l backup.Limits) {
	rate := backup.Rate{Key: "p:a", Burst: 10, Per: time.Minute}
	var calls, got atomic.Int32
	race(func(int) bool {
		for range 2 { // more calls would take longer than the time of a statement
			calls.Add(1)
			if wait, err := l.Take(t.Context(), rate, Start); err != nil {
				t.Errorf("Take: %v", err)
			} else if wait == 0 {
				got.Add(1)
			} else if wait != 6*time.Second {
				t.Errorf("wait %v, want 6s", wait)
			}
		}
		return false
	})
	if calls.Load() != 128 || got.Load() != 10 {
		t.Errorf("%d of %d calls got through, want 10 of 128", got.Load(), calls.Load())
	}
}

func peekTakesNothing(t *testing.T, l backup.Limits) {
	rate := backup.Rate{Key: "l:192.0.2.1", Burst: 2, Per: 20 * time.Second}
	want := func(at time.Duration, spend bool, want time.Duration) {
		t.Helper()
		ask := l.Peek
		if spend {
			ask = l.Take
		}
		if got, err := ask(t.Context(), rate, Start.Add(at)); err != nil || got != want {
			t.Errorf("after %v (spending: %v): got %v, %v, want %v", at, spend, got, err, want)
		}
	}
	want(0, false, 0)
	want(0, true, 0)
	want(0, false, 0)
	want(0, true, 0)
	want(0, false, 10*time.Second)
	want(time.Second, false, 9*time.Second)
	want(time.Second, true, 9*time.Second)
	want(10*time.Second, false, 0)
	want(10*time.Second, true, 0)
	want(10*time.Second, false, 10*time.Second)
}

func rateOverTime(t *testing.T, l backup.Limits) {
	rate := backup.Rate{Key: "p:a", Burst: 3, Per: 18 * time.Second} // one request every six seconds
	got, first := 0, time.Duration(0)
	for at := time.Duration(0); at < time.Minute; at += 100 * time.Millisecond {
		wait, err := l.Take(t.Context(), rate, Start.Add(at))
		if err != nil {
			t.Fatal(err)
		}
		if wait == 0 {
			got++
		} else if first == 0 {
			first = wait
		}
	}
	if got != 12 || first != 5700*time.Millisecond {
		t.Errorf("%d got through, want 12; the first had to wait %v, want 5.7s", got, first)
	}
}
