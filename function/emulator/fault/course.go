package fault

import (
	"context"
	"slices"
	"time"
)

// A Course is what a schedule of faults makes of one call. The zero value is a
// call to which nothing happens.
type Course struct {
	Taken  bool // the call has had its step
	Faults []Fault
	Gone   bool // the client left while it was kept waiting
}

// Stops reports whether a fault keeps the call from having its effect.
func (c Course) Stops() bool { return slices.ContainsFunc(c.Faults, Fault.stops) }

// Find returns the fault of a name, if the call has it.
func (c Course) Find(name string) (Fault, bool) {
	at := slices.IndexFunc(c.Faults, func(f Fault) bool { return f.kind.Name == name })
	if at < 0 {
		return Fault{}, false
	}
	return c.Faults[at], true
}

// Spoil makes the answer to a request into what its client is to see of it.
func (c Course) Spoil(k Call, rep Reply) Reply {
	if c.Gone {
		rep.ending = endClosed
		return rep
	}
	for _, f := range c.Faults {
		if f.kind.answer != nil {
			f.kind.answer(k, f, &rep)
		}
	}
	rep.delay = Delay(c.Faults, true)
	return rep
}

// Delay returns how long faults keep a call before the effect, or its answer after it.
func Delay(faults []Fault, after bool) time.Duration {
	for _, f := range faults {
		if f.kind.delays && f.after == after {
			return f.Duration
		}
	}
	return 0
}

// Wait lets real time pass, which is what a client's deadline is made of; the
// clock of the cloud may stand still meanwhile. It reports whether the client
// is still there at the end.
func Wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
