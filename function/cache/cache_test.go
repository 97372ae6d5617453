package cache_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"backupportal/function/cache"
)

var errLoad = errors.New("load")

func TestValuesExpire(t *testing.T) {
	now := time.Unix(1e9, 0)
	c := cache.New[int](4, func() time.Time { return now })
	loads := 0
	get := func() int {
		v, err := c.Get(t.Context(), "a", func(context.Context) (int, time.Time, error) {
			loads++
			return loads, now.Add(time.Minute), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	get()
	now = now.Add(time.Minute - time.Nanosecond)
	if got := get(); got != 1 {
		t.Errorf("before its time: load %d, want the first", got)
	}
	now = now.Add(time.Nanosecond)
	if got := get(); got != 2 {
		t.Errorf("at its time: load %d, want another", got)
	}
	c.DropIf("a", func(v int) bool { return v == 1 })
	if _, ok := c.Look("a"); !ok {
		t.Error("a value was dropped that is wanted")
	}
	c.DropIf("a", func(v int) bool { return v == 2 })
	if _, ok := c.Look("a"); ok {
		t.Error("an unwanted value was kept")
	}
}

func TestLeastRecentlyUsedIsRemoved(t *testing.T) {
	c := cache.New[int](3, time.Now)
	later := time.Now().Add(time.Hour)
	for i := range 3 {
		c.Put(fmt.Sprint(i), i, later)
	}
	c.Look("0")
	c.Put("3", 3, later)
	for key, want := range map[string]bool{"0": true, "1": false, "2": true, "3": true} {
		if _, ok := c.Look(key); ok != want {
			t.Errorf("%s is kept: %t, want %t", key, ok, want)
		}
	}
	if c.Len() != 3 {
		t.Errorf("%d values, want 3", c.Len())
	}
}

func TestErrorsAreNotStored(t *testing.T) {
	c := cache.New[int](1, time.Now)
	loads := 0
	for range 2 {
		_, err := c.Get(t.Context(), "a", func(context.Context) (int, time.Time, error) {
			loads++
			return 0, time.Now().Add(time.Hour), errLoad
		})
		if !errors.Is(err, errLoad) {
			t.Errorf("error %v", err)
		}
	}
	if loads != 2 {
		t.Errorf("%d loads, want 2", loads)
	}
}

func TestConcurrentCallersShareLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New[int](1, time.Now)
		loads := 0
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				v, err := c.Get(t.Context(), "a", func(context.Context) (int, time.Time, error) {
					loads++
					time.Sleep(time.Second)
					return 7, time.Now().Add(time.Hour), nil
				})
				if v != 7 || err != nil {
					t.Errorf("%d, %v", v, err)
				}
			})
		}
		all.Wait()
		if loads != 1 {
			t.Errorf("%d loads, want 1", loads)
		}
	})
}

// TestEndedContextFailsOneCaller proves that, if several callers wait for the same value and
// the context of one ends, only that caller gets an error.
func TestEndedContextFailsOneCaller(t *testing.T) {
	for _, leaves := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			c := cache.New[int](1, time.Now)
			var all sync.WaitGroup
			for i := range 3 {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				all.Go(func() {
					v, err := c.Get(ctx, "a", func(ctx context.Context) (int, time.Time, error) {
						select {
						case <-ctx.Done():
							return 0, time.Time{}, ctx.Err()
						case <-time.After(time.Second):
							return 7, time.Now().Add(time.Hour), nil
						}
					})
					if i == leaves && !errors.Is(err, context.Canceled) || i != leaves && (v != 7 || err != nil) {
						t.Errorf("%d leaves: caller %d got %d, %v", leaves, i, v, err)
					}
				})
				synctest.Wait()
				if i == leaves {
					time.AfterFunc(time.Second/2, cancel)
				}
			}
			all.Wait()
		})
	}
}

func TestPanicReachesOneCaller(t *testing.T) {
	c := cache.New[int](1, time.Now)
	defer func() {
		if p := recover(); p != "bad" {
			t.Errorf("panic %v", p)
		}
	}()
	c.Get(t.Context(), "a", func(context.Context) (int, time.Time, error) { panic("bad") })
	t.Error("no panic")
}

// TestClockSetBackInvalidates proves that a cached value is not used if it was stored in the
// future. That happens if the clock of a frozen or virtual machine was set back.
func TestClockSetBackInvalidates(t *testing.T) {
	now := time.Unix(1e9, 0)
	c := cache.New[int](4, func() time.Time { return now })
	c.Put("a", 1, now.Add(time.Minute))
	now = now.Add(-time.Nanosecond)
	if _, ok := c.Look("a"); ok {
		t.Error("a value of the future is returned")
	}
	now = now.Add(time.Nanosecond)
	if _, ok := c.Look("a"); !ok {
		t.Error("the value is gone at the time it was kept")
	}
}
