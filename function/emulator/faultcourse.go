package emulator

import (
	"context"
	"slices"
	"time"
)

// A course is what a schedule of faults makes of one call. The zero value is a
// call to which nothing happens.
type course struct {
	taken  bool // the call has had its step
	faults []fault
	gone   bool // the client left while it was kept waiting
}

// stops reports whether a fault keeps the call from having its effect.
func (c course) stops() bool { return slices.ContainsFunc(c.faults, fault.stops) }

// find returns the fault of a name, if the call has it.
func (c course) find(name string) (fault, bool) {
	at := slices.IndexFunc(c.faults, func(f fault) bool { return f.kind.name == name })
	if at < 0 {
		return fault{}, false
	}
	return c.faults[at], true
}

// spoil makes the answer to a request into what its client is to see of it.
func (c course) spoil(k faultyCall, rep reply) reply {
	if c.gone {
		rep.ending = endClosed
		return rep
	}
	for _, f := range c.faults {
		if f.kind.answer != nil {
			f.kind.answer(k, f, &rep)
		}
	}
	rep.delay = delay(c.faults, true)
	return rep
}

// delay returns how long faults keep a call before the effect, or its answer after it.
func delay(faults []fault, after bool) time.Duration {
	for _, f := range faults {
		if f.kind.delays && f.after == after {
			return f.duration
		}
	}
	return 0
}

// wait lets real time pass, which is what a client's deadline is made of; the
// clock of the cloud may stand still meanwhile. It reports whether the client
// is still there at the end.
func wait(ctx context.Context, d time.Duration) bool {
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
