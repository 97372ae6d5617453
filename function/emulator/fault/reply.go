package fault

import (
	"maps"
	"net/http"
	"strconv"
	"time"
)

// A Reply is a complete answer before it is sent. The zero value is not valid: Status must be
// set, unless the ending sends nothing.
type Reply struct {
	Status    int    // HTTP status; 0: no answer is sent
	Code      string // error code of the vendor; empty: success
	RequestID string // in the header x-acs-request-id, and in the ledger
	Body      []byte

	// Only faults set the following fields.
	header http.Header   // overrides the headers of write; a nil value removes a header
	delay  time.Duration // real time before the answer
	ending ending
}

// An ending says how much of the answer the client receives.
type ending int

const (
	endWhole  ending = iota // the whole answer
	endHalf                 // half of the body that Content-Length announces
	endClosed               // nothing; the connection is closed (TCP FIN)
	endReset                // nothing; the connection is reset (TCP RST)
	endSilent               // nothing, until the client disconnects
)

// Send waits for the reply's delay and then sends the reply, or the part of it that its ending
// says. If the client disconnects while Send waits, it closes the connection: after a normal
// return the server would answer 200.
func (rep Reply) Send(w http.ResponseWriter, r *http.Request) {
	if !Wait(r.Context(), rep.delay) {
		hangUp(w, false)
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

// hangUp closes the connection without an answer, with TCP RST if reset is true, otherwise with
// FIN. With HTTP/2 the connection cannot be taken over; hangUp then panics with
// http.ErrAbortHandler, which makes the server close the stream.
func hangUp(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2, or no server at all: this is the way there
	}
	// Without lingering, closing a TCP connection sends RST in place of FIN.
	if tcp, ok := conn.(interface{ SetLinger(int) error }); ok && reset {
		_ = tcp.SetLinger(0) // an error means that it is closed already
	}
	conn.Close()
}

// writeHalf announces the length of the whole body but sends only half of it. Go's server then
// closes the connection, because fewer bytes were written than announced.
func (rep Reply) writeHalf(w http.ResponseWriter) {
	w.Header().Set("Content-Length", strconv.Itoa(len(rep.Body)))
	rep.Body = rep.Body[:len(rep.Body)/2]
	rep.write(w)
}

// write sends the whole reply. It ignores write errors: the client may have disconnected.
func (rep Reply) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.Header().Set("x-acs-request-id", rep.RequestID)
	maps.Copy(w.Header(), rep.header)
	w.WriteHeader(rep.Status)
	w.Write(rep.Body)
}
