package emulator

import (
	"maps"
	"net/http"
	"strconv"
	"time"
)

// A reply is an answer that is complete but not yet sent.
type reply struct {
	status    int
	code      string // what went wrong, or empty
	requestID string
	body      []byte

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

// write sends a reply. A client that has gone away is no concern of ours.
func (rep reply) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.Header().Set("x-acs-request-id", rep.requestID)
	maps.Copy(w.Header(), rep.header)
	w.WriteHeader(rep.status)
	w.Write(rep.body)
}
