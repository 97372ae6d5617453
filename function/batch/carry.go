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
// The invocations of a batch are called chunks and have numbers. When the time of the newest chunk is over, it starts
// the next chunk; an older chunk starts none. So only one chunk at a time works on a batch. There is one exception:
// if the platform or a sweep has started a further chunk, an older one can still run until its time is over.
type Carrier interface {
	// Continue asks the platform to call [Service.RunChunk] with a batch and the number of a chunk in an
	// invocation of its own. A repeat with equal arguments may start another invocation, or none.
	Continue(ctx context.Context, id string, chunk int) error
}

// carryOn starts the chunk after chunk last of a batch, unless another process has started one already. A failure is
// logged; the next sweep then starts a chunk.
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

// RunChunk runs a batch until the time of ctx is nearly over. If items can then be started at once, it starts the next
// chunk; otherwise a sweep continues the batch after jobs have ended. RunChunk does nothing if a newer chunk exists.
// The errors are those of [Service.Run]; after an error, the platform may repeat the call.
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

// RunOpen continues the batches that have not ended; a sweep calls it. With a Carrier it starts an asynchronous
// invocation for each running batch. It runs all other batches itself, one after the other, until little of the time
// of ctx is left. The error is [backup.ErrStoreUnavailable].
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

// runUntil calls Run until the batch has ended, must wait long, or little of the time of ctx is left. The remaining
// time is for the items that were taken. over reports whether it stopped because of the time.
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
