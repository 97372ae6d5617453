package emulator

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// A course is what a schedule of faults makes of one call.
type course struct {
	taken  bool // the call has had its step
	faults []fault
	gone   bool // the client left while it was kept waiting
}

// errFault stops a call before its effect; its faults say what the answer is.
var errFault = errors.New("emulator: stopped by a fault")

// faultOnTheWay plays what happens to a request before anybody reads its
// signature. Its nonce stays unspent: sent again, the same request is good.
func (c *Cloud) faultOnTheWay(k *call) error { return c.play(k, onTheWay) }

// faultAtGate plays all other faults, or prepares them if they come later. Only
// calls whose signature is good get here.
func (c *Cloud) faultAtGate(k *call) error { return c.play(k, atGate) }

// play takes the call's step, if it is due at this place, and lets happen what
// comes before the effect. No lock is held while it waits.
func (c *Cloud) play(k *call, at place) error {
	plan := c.faults.Load()
	if plan == nil || k.course.taken {
		return nil
	}
	faults, ok := plan.take(k.op.action, at)
	if !ok {
		return nil
	}
	k.course = course{taken: true, faults: faults} // none, where the dice said so
	if d := delay(faults, false); d > 0 {
		if !wait(k.http.Context(), d) {
			k.course.gone = true
			return errFault
		}
		k.at = c.now() // for the cloud, the request arrives now
	}
	if slices.ContainsFunc(faults, fault.stops) {
		return errFault
	}
	return nil
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

// spoil makes an answer into what the client is to see of it. One that a fault
// stopped has no answer yet.
func (k *call) spoil(rep reply, err error) reply {
	if err == errFault {
		rep = reply{requestID: k.id}
	}
	if k.course.gone {
		rep.ending = endClosed
		return rep
	}
	for _, f := range k.course.faults {
		if f.kind.answer != nil {
			f.kind.answer(k, f, &rep)
		}
	}
	rep.delay = delay(k.course.faults, true)
	return rep
}

// An ending is how much of an answer the client gets.
type ending int

const (
	endWhole  ending = iota
	endHalf          // half of the body, and no more
	endClosed        // nothing; the connection is closed in good order
	endReset         // nothing; the connection breaks (TCP RST)
	endSilent        // nothing, for as long as the client waits
)

// send writes a reply in the way that its faults want, if there are any.
func (rep reply) send(w http.ResponseWriter, r *http.Request) {
	if !wait(r.Context(), rep.delay) {
		hangUp(w, false) // returning would answer 200 if the server ends and not the client
		return
	}
	switch rep.ending {
	case endWhole:
		rep.write(w)
	case endHalf:
		rep.writeHalf(w)
	case endClosed, endReset:
		hangUp(w, rep.ending == endReset)
	case endSilent:
		<-r.Context().Done()
		hangUp(w, false)
	}
}

// hangUp closes the connection without an answer.
func hangUp(w http.ResponseWriter, abruptly bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2, or no server at all: this is the way there
	}
	// Without lingering, closing a TCP connection sends RST in place of FIN.
	if tcp, ok := conn.(interface{ SetLinger(int) error }); ok && abruptly {
		_ = tcp.SetLinger(0) // what is closed already needs no reset
	}
	conn.Close()
}

// writeHalf promises a whole body and sends half of it. The server closes a
// connection on which less was written than its header said.
func (rep reply) writeHalf(w http.ResponseWriter) {
	w.Header().Set("Content-Length", strconv.Itoa(len(rep.body)))
	rep.body = rep.body[:len(rep.body)/2]
	rep.write(w)
}
