package fault

import (
	"maps"
	"net/http"
	"strconv"
	"time"
)

// A Reply is an answer that is complete but not yet sent.
type Reply struct {
	Status    int
	Code      string // what went wrong, or empty
	RequestID string
	Body      []byte

	// What follows is for faults; with none of them it is empty.
	header http.Header // in place of what write says
	delay  time.Duration
	ending ending
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

// Send writes a reply in the way that its faults want, if there are any.
func (rep Reply) Send(w http.ResponseWriter, r *http.Request) {
	if !Wait(r.Context(), rep.delay) {
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
func (rep Reply) writeHalf(w http.ResponseWriter) {
	w.Header().Set("Content-Length", strconv.Itoa(len(rep.Body)))
	rep.Body = rep.Body[:len(rep.Body)/2]
	rep.write(w)
}

// write sends a reply. A client that has gone away is no concern of ours.
func (rep Reply) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.Header().Set("x-acs-request-id", rep.RequestID)
	maps.Copy(w.Header(), rep.header)
	w.WriteHeader(rep.Status)
	w.Write(rep.Body)
}
