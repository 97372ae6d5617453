package admission

import (
	"context"
	"sync"
	"time"
)

// slotKey is the key of a context's value that holds the slot of a request.
type slotKey struct{}

// WithSlot returns a context that contains the slot s: the right of a request to be handled.
func WithSlot(ctx context.Context, s *Slot) context.Context {
	return context.WithValue(ctx, slotKey{}, s)
}

// FromContext returns the slot of ctx, or nil.
func FromContext(ctx context.Context) *Slot {
	s, _ := ctx.Value(slotKey{}).(*Slot)
	return s
}

// Pause calls wait with ctx and d, for a request that has nothing to do but wait. If ctx has
// the slot of a read, Pause gives it back before wait, so that others can use it, and takes a
// slot again afterwards. A submission keeps its slot, because it could not continue without
// one. It only gives its turn back ([Rest]).
//
// Errors: the error of wait, the error of ctx, and [ErrFull]. ErrFull means that
// [Config.Paused] requests are paused already (wait is not called then), or that no slot became
// free after wait. After an error a read may have no slot, so the request must end soon.
func Pause(ctx context.Context, d time.Duration, wait func(context.Context, time.Duration) error) error {
	s := FromContext(ctx)
	if s == nil {
		return wait(ctx, d)
	}
	if s.kind == Submission {
		defer s.rest(ctx)()
		return wait(ctx, d)
	}
	if !s.pause() {
		return ErrFull
	}
	defer s.resume()
	s.Leave()
	if err := wait(ctx, d); err != nil {
		return err
	}
	if err := s.gate.wait(ctx, s.kind, s.gate.patience(s.kind)); err != nil {
		return err
	}
	s.gate.mu.Lock()
	s.held, s.since = true, time.Now()
	s.gate.mu.Unlock()
	s.takeTurn(ctx)
	return nil
}

// pause counts one more paused request. At the limit it counts nothing and returns false.
func (s *Slot) pause() bool {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	if s.gate.paused >= s.gate.cfg.Paused {
		return false
	}
	s.gate.paused++
	return true
}

// resume counts that one paused request continues.
func (s *Slot) resume() {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	s.gate.paused--
}

// Lend says that the request of ctx now waits for an answer of another server. Until the caller
// calls end, other requests may use its slot. end takes the slot back at once: a request that
// has begun is never refused. So for a moment more than [Config.Slots] requests are worked on,
// and no further one begins until enough of them have ended.
//
// The slot is not lent if [Config.Lent] slots are lent already, or if ctx has no slot. Calls
// may overlap: the slot is lent from the first call to the end of the last one.
func Lend(ctx context.Context) (end func()) {
	s := FromContext(ctx)
	if s == nil {
		return func() {}
	}
	work := s.rest(ctx)
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	if s.calls++; s.calls == 1 && s.held && s.gate.lent < s.gate.cfg.Lent {
		s.lent = true
		s.gate.lent++
		s.gate.release(s.kind)
	}
	return sync.OnceFunc(func() {
		s.takeBack()
		work()
	})
}

// Rest says that the request of ctx now waits for something that needs no turn, for example for the
// database. Until the caller calls end, another request has its turn. end waits for a turn (see
// [Config.TurnPatience]). Calls may overlap: the turn is taken again at the end of the last one. Rest
// does nothing if ctx has no slot.
func Rest(ctx context.Context) (end func()) {
	s := FromContext(ctx)
	if s == nil {
		return func() {}
	}
	return s.rest(ctx)
}

// rest is [Rest] for a request with the slot s.
func (s *Slot) rest(ctx context.Context) (end func()) {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	s.rests++
	s.endTurn()
	return sync.OnceFunc(func() {
		s.gate.mu.Lock()
		s.rests--
		again := s.rests == 0 && s.held && !s.active
		s.gate.mu.Unlock()
		if again {
			s.takeTurn(ctx)
		}
	})
}

// takeBack ends one call of [Lend]. The last one takes the slot back, unless the request has ended.
func (s *Slot) takeBack() {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	if s.calls--; s.calls > 0 || !s.lent {
		return
	}
	s.lent = false
	s.gate.lent--
	if s.held {
		s.since = time.Now()
		s.gate.running[s.kind]++
	}
}
