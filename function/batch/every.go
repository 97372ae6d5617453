package batch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"backupportal/function/backup"
	"backupportal/function/logging"
)

// Times of RunEvery.
const (
	lookEvery  = time.Second // between two looks for batches that other processes created
	mostAlong  = 16          // batches that one process carries out at the same time
	retryAfter = 5 * time.Second

	forgetEvery = time.Hour
)

// RunEvery carries out all batches until ctx ends, each in a goroutine of its own. Then it waits until
// the items that were started have their results. It is for servers; several may share a store. It
// looks for new batches when [Service.Woken] wakes it, and in every second. In every hour it removes
// old batches: see [Service.Forget].
func (s *Service) RunEvery(ctx context.Context, keep time.Duration) {
	var forgotten time.Time
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var working sync.WaitGroup
	defer working.Wait()
	var mu sync.Mutex
	running, next := map[string]bool{}, map[string]time.Time{}
	for {
		if time.Since(forgotten) >= forgetEvery {
			forgotten = time.Now()
			if err := s.Forget(ctx, keep); err != nil && ctx.Err() == nil {
				s.Log.WarnContext(ctx, "removing old batches", "error", err) // the next round repeats it
			}
		}
		for _, id := range s.open(ctx) {
			mu.Lock()
			start := !running[id] && len(running) < mostAlong && !time.Now().Before(next[id])
			if start {
				running[id] = true
			}
			mu.Unlock()
			if !start {
				continue
			}
			working.Go(func() {
				again := s.runOnce(ctx, id)
				mu.Lock()
				defer mu.Unlock()
				delete(running, id)
				if next[id] = time.Now().Add(again); again == 0 {
					delete(next, id)
				}
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.Woken:
			mu.Lock()
			clear(next)
			mu.Unlock()
		}
	}
}

// open returns the ids of the batches that have not ended. A failure is logged.
func (s *Service) open(ctx context.Context) []string {
	ids, err := s.Store.OpenBatches(ctx, mostOpen)
	if err != nil && ctx.Err() == nil {
		s.Log.WarnContext(ctx, "looking for batches", "error", err)
	}
	return ids
}

// mostOpen is how many batches one look finds.
const mostOpen = 256

// runOnce is Run with a log line for an error. A panic ends the run and not the process.
func (s *Service) runOnce(ctx context.Context, id string) (again time.Duration) {
	ctx = logging.WithRequestID(ctx, rand.Text())
	defer func() {
		if v := recover(); v != nil {
			s.Log.ErrorContext(ctx, "panicked", "task", "batch", "panic", fmt.Sprintf("%.200v", v), "stack", string(debug.Stack()))
			again = retryAfter
		}
	}()
	again, err := s.Run(ctx, id)
	switch {
	case errors.Is(err, backup.ErrNotFound):
		return 0
	case err != nil && ctx.Err() == nil:
		s.Log.ErrorContext(ctx, "carrying out a batch", "batch", id, "error", err)
		return retryAfter
	}
	return again
}
