// Package cache keeps values for a while.
//
// A cache holds a bounded number of values; the one that was used least recently
// goes first. A value lasts until a time that its loader names, by the wall clock
// of the cache: instances freeze, and the monotonic clock may stand still meanwhile.
// A clock that is set back to before a value was kept ends the value.
// A failure that should be kept is a value too, with a shorter time.
package cache

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"
)

// A Cache keeps values by key. [New] makes one. It is safe for concurrent use.
type Cache[V any] struct {
	now     func() time.Time
	flights singleflight.Group

	mu   sync.Mutex
	kept *simplelru.LRU[string, entry[V]]
}

type entry[V any] struct {
	value     V
	at, until time.Time // it was kept at; it lasts until
}

// A Loader returns a value and the time until which it is kept. A time that is not
// in the future keeps nothing. An error is never kept.
type Loader[V any] func(context.Context) (value V, until time.Time, err error)

// New returns an empty cache of at most size values. It panics if size is not
// positive.
func New[V any](size int, now func() time.Time) *Cache[V] {
	kept, err := simplelru.NewLRU[string, entry[V]](size, nil)
	if err != nil {
		panic("cache: " + err.Error())
	}
	return &Cache[V]{now: now, kept: kept}
}

// An outcome is what one call of a loader came to.
type outcome[V any] struct {
	value    V
	err      error
	ended    bool // the context of the caller ended, so the error says nothing to others
	panicked any
}

// Get returns the value of key, and calls load if there is none. Callers that ask
// for one key at the same time share one call: it runs in the context of the
// first of them, who waits for it. If that context ends, another caller calls its
// own loader. An error is the loader's, or that of ctx for a caller who stopped
// waiting. A panic of the loader is a panic of its caller.
func (c *Cache[V]) Get(ctx context.Context, key string, load Loader[V]) (V, error) {
	for {
		if value, ok := c.Look(key); ok {
			return value, nil
		}
		var first atomic.Bool
		done := c.flights.DoChan(key, func() (any, error) {
			first.Store(true)
			return c.load(ctx, key, load), nil
		})
		var r singleflight.Result
		select {
		case r = <-done:
		case <-ctx.Done():
			if !first.Load() {
				var none V
				return none, ctx.Err()
			}
			r = <-done // the loader has the same context, so it returns soon
		}
		switch o := r.Val.(outcome[V]); {
		case first.Load() && o.panicked != nil:
			panic(o.panicked)
		case first.Load() || !o.ended && o.panicked == nil:
			return o.value, o.err
		}
	}
}

func (c *Cache[V]) load(ctx context.Context, key string, load Loader[V]) (o outcome[V]) {
	defer func() { o.panicked = recover() }()
	if value, ok := c.Look(key); ok { // another call ended just before this one
		return outcome[V]{value: value}
	}
	value, until, err := load(ctx)
	if err == nil {
		c.Put(key, value, until)
	}
	return outcome[V]{value: value, err: err, ended: err != nil && ctx.Err() != nil}
}

// Look returns the value of key, if there is one that still lasts.
func (c *Cache[V]) Look(key string) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.kept.Get(key)
	if now := c.now().Round(0); ok && !now.Before(known.at) && now.Before(known.until) {
		return known.value, true
	}
	var none V
	return none, false
}

// Put keeps value under key until the given time, instead of an earlier one.
func (c *Cache[V]) Put(key string, value V, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now().Round(0)
	until = until.Round(0)
	if now.Before(until) {
		c.kept.Add(key, entry[V]{value, now, until})
	} else {
		c.kept.Remove(key)
	}
}

// DropIf forgets the value of key if unwanted returns true for it.
func (c *Cache[V]) DropIf(key string, unwanted func(V) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.kept.Peek(key); ok && unwanted(known.value) {
		c.kept.Remove(key)
	}
}

// Len returns how many values are held, those that no longer last included.
func (c *Cache[V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept.Len()
}
