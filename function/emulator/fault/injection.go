package fault

import (
	"context"
	"slices"
	"time"
)

// An Injection has the faults that the schedule has chosen for one call. The zero value is a
// call without faults. It is used by one goroutine.
type Injection struct {
	Taken  bool    // the call took a step; it takes no second one
	Faults []Fault // what happens to the call; nil or empty: nothing
	Gone   bool    // the client disconnected during a delay before the effect
}

// Stops reports whether a fault prevents the operation from being carried out.
func (i Injection) Stops() bool { return slices.ContainsFunc(i.Faults, Fault.stops) }

// Find returns the call's fault with the given name, such as "lag". It returns false if the call
// has none.
func (i Injection) Find(name string) (Fault, bool) {
	at := slices.IndexFunc(i.Faults, func(f Fault) bool { return f.kind.Name == name })
	if at < 0 {
		return Fault{}, false
	}
	return i.Faults[at], true
}

// Apply returns the reply that the client receives instead of rep. rep is the real reply; if a
// fault has stopped the call, rep has only its RequestID. If the client disconnected during a
// delay before the operation, the result only closes the connection.
func (i Injection) Apply(k Call, rep Reply) Reply {
	if i.Gone {
		rep.ending = endClosed
		return rep
	}
	for _, f := range i.Faults {
		if f.kind.answer != nil {
			f.kind.answer(k, f, &rep)
		}
	}
	rep.delay = Delay(i.Faults, true)
	return rep
}

// Delay returns the duration of the first latency fault: the delay before the answer if after
// is true, otherwise the delay before the operation. It returns 0 if there is none.
func Delay(faults []Fault, after bool) time.Duration {
	for _, f := range faults {
		if f.kind.delays && f.after == after {
			return f.Duration
		}
	}
	return 0
}

// Wait waits for d and returns true. If ctx ends first, it returns false. It uses real time,
// because clients measure their timeouts in real time even if a test stops the emulator's
// clock. It returns true immediately if d is zero or negative.
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
