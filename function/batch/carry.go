package batch

import (
	"context"
	"errors"
	"time"

	"backupportal/function/backup"
)

// Carrier starts asynchronous invocations, on platforms that stop a process after its answer. Its methods
// are safe for concurrent use.
//
// Invocations are numbered: each one is a chunk of the batch. When its time is over, the one with the newest number starts
// the next one. An older one starts none. So one invocation at a time works on a batch, apart from the time until the
// end of an older one after a repeat by the platform or a sweep.
type Carrier interface {
	// Continue asks the platform to call [Service.RunChunk] with a batch and the number of a chunk in an
	// invocation of its own. A repeat with equal arguments may start another invocation, or none.
	Continue(ctx context.Context, id string, chunk int) error
}

// carryOn starts the next chunk of a batch, unless another process has done so since chunk last. A failure is
// logged; then the next sweep starts it.
func (s *Service) carryOn(ctx context.Context, id string, last int) {
	mine := false
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*storeTimeout)
	defer cancel()
	b, err := s.Store.EditBatch(ctx, id, s.Backups.Now(), func(_ Items, _ time.Time, b *Batch) error {
		if mine = b.Control.Chunk == last; mine {
			b.Control.Chunk++
		}
		return nil
	})
	if err == nil && mine {
		err = s.Carrier.Continue(ctx, id, b.Control.Chunk)
	}
	if err != nil {
		s.Log.WarnContext(ctx, "continuing a batch", "batch", id, "chunk", last+1, "error", err)
	}
}

// RunChunk carries out a part of a batch: what fits into the time of ctx. Then it has the rest carried out by the next
// chunk, if items can be started at once. Otherwise a sweep goes on when jobs have ended. It does nothing if a newer
// chunk exists. The errors are those of [Service.Run]; after one, the platform may repeat the call.
func (s *Service) RunChunk(ctx context.Context, id string, chunk int) error {
	b, err := s.Store.FindBatch(ctx, id)
	switch {
	case errors.Is(err, backup.ErrNotFound):
		return err
	case err != nil:
		return unavailable(err)
	case b.Control.Chunk > chunk:
		return nil
	}
	over, err := s.runUntil(ctx, id)
	if err == nil && over && s.Carrier != nil {
		s.carryOn(ctx, id, chunk)
	}
	return err
}

// RunOpen carries on with each batch that has not ended, in a sweep: with a Carrier by asynchronous invocations, and without
// one by itself, one batch after the other, until little of the time of ctx is left. The error is
// [backup.ErrStoreUnavailable].
func (s *Service) RunOpen(ctx context.Context) error {
	ids, err := s.Store.OpenBatches(ctx, mostOpen)
	if err != nil {
		return unavailable(err)
	}
	for _, id := range ids {
		b, err := s.Store.FindBatch(ctx, id)
		switch {
		case errors.Is(err, backup.ErrNotFound):
			continue
		case err != nil:
			return unavailable(err)
		case s.Carrier != nil && b.State == StateRunning:
			s.carryOn(ctx, id, b.Control.Chunk)
			continue
		}
		if _, err := s.runUntil(ctx, id); err != nil && !errors.Is(err, backup.ErrNotFound) {
			return err
		}
	}
	return nil
}

// runUntil is Run that takes no further items when little of the time of ctx is left, so that the items
// that were taken can finish. over reports whether it stopped for that reason.
func (s *Service) runUntil(ctx context.Context, id string) (over bool, err error) {
	taking := ctx
	if deadline, limited := ctx.Deadline(); limited {
		var cancel context.CancelFunc
		taking, cancel = context.WithDeadline(ctx, deadline.Add(-min(endTime, time.Until(deadline)/2)))
		defer cancel()
	}
	for {
		again, err := s.Run(taking, id)
		switch {
		case err != nil:
			return false, err
		case taking.Err() != nil:
			return true, nil
		case again == 0 || again > longestIdle:
			return false, nil
		case s.Backups.Wait(taking, again) != nil:
			return true, nil
		}
	}
}

const (
	// endTime is what runUntil keeps for the end of the items that were taken: the time of one call and of the
	// records about it. It is at most half of the time.
	endTime = 15 * time.Second
	// longestIdle is how long a chunk waits for something to do.
	longestIdle = 2 * time.Second
)
