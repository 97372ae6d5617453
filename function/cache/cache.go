// Package cache keeps values until a stated time.
//
// A cache holds a bounded number of values. When it is full, it removes the value that was used
// least recently. The loader of a value states until when the value is valid, by the wall clock
// of the cache: an instance may be frozen, and its monotonic clock may stop meanwhile. A clock
// that is set back to a time before the value was stored makes the value invalid.
//
// Errors are not kept. To keep a failure, a loader returns it as a value, usually for a shorter
// time.
package cache

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"
)

// A Cache keeps values by key. [New] makes one; the zero Cache is not usable. It is safe for
// concurrent use.
type Cache[V any] struct {
	now     func() time.Time
	flights singleflight.Group

	mu   sync.Mutex
	kept *simplelru.LRU[string, entry[V]]
}

// An entry is a stored value. It is valid from at to until.
type entry[V any] struct {
	value     V
	at, until time.Time // it was kept at; it lasts until
}

// A Loader returns a value and until when it is valid. A time that is not in the future stores
// nothing. With an error, nothing is stored.
type Loader[V any] func(context.Context) (value V, until time.Time, err error)

// New returns an empty cache for at most size values. now is its clock. New panics if size is not
// positive.
func New[V any](size int, now func() time.Time) *Cache[V] {
	kept, err := simplelru.NewLRU[string, entry[V]](size, nil)
	if err != nil {
		panic("cache: " + err.Error())
	}
	return &Cache[V]{now: now, kept: kept}
}

// An outcome is the result of one call of a loader.
type outcome[V any] struct {
	value    V
	err      error
	ended    bool // the context of the call ended, so other callers cannot use the error
	panicked any  // value of a panic; nil if there was none
}

// Get returns the value of key. If there is no valid one, it calls load and stores the result.
// Concurrent callers for one key share one call of a loader, which runs in the context of the
// first caller. If that context ends or the loader panics, each other caller tries again with its
// own loader. The error is that of the loader, or that of ctx if it ends first. A panic of the
// loader is passed to the caller that started it.
func (c *Cache[V]) Get(ctx context.Context, key string, load Loader[V]) (V, error) {
	for {
		if value, ok := c.Look(key); ok {
			return value, nil
		}
		if err := ctx.Err(); err != nil {
			var none V
			return none, err // otherwise a loader could outlive its caller
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

// load calls the loader, stores its value, and recovers its panic.
func (c *Cache[V]) load(ctx context.Context, key string, load Loader[V]) (o outcome[V]) {
	defer func() { o.panicked = recover() }()
	if value, ok := c.Look(key); ok { // another call has stored a value meanwhile
		return outcome[V]{value: value}
	}
	value, until, err := load(ctx)
	if err == nil {
		c.Put(key, value, until)
	}
	return outcome[V]{value: value, err: err, ended: err != nil && ctx.Err() != nil}
}

// Look returns the value of key if it is valid, and whether it is.
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

// Put stores value under key until the given time, and replaces an earlier value. With a time
// that is not in the future, it only removes the earlier value.
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

// DropIf removes the value of key if unwanted returns true for it. unwanted must not use the
// cache.
func (c *Cache[V]) DropIf(key string, unwanted func(V) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.kept.Peek(key); ok && unwanted(known.value) {
		c.kept.Remove(key)
	}
}

// Len returns how many values the cache holds, including expired ones.
func (c *Cache[V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept.Len()
}
