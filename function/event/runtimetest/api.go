package runtimetest

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"
)

// api is what both runtime APIs have in common: work is fetched with GET next,
// which blocks, and answered with POST response or POST error. How many calls
// run at once is for the platform to say; the SDK always polls for more.
type api struct {
	accepted int                        // status of an accepted answer
	headers  func(http.Header, pending) // of a next
	queue    chan pending
	slots    chan struct{}
	timeout  time.Duration

	mu      sync.Mutex
	running map[string]chan Response
	exited  chan struct{} // closed when the program has ended
	peak    int
}

// A Call is one invocation with what the platform may say about it.
type Call struct {
	Event      []byte
	RequestID  string // random if empty; the same again for a retry
	RetryCount int    // of an asynchronous event
}

type pending struct {
	Call
	deadline time.Time
}

func newAPI(accepted, concurrency int, timeout time.Duration, headers func(http.Header, pending)) *api {
	return &api{
		accepted: accepted,
		headers:  headers,
		queue:    make(chan pending),
		slots:    make(chan struct{}, max(concurrency, 1)),
		timeout:  cmp.Or(timeout, 30*time.Second),
		running:  map[string]chan Response{},
		exited:   make(chan struct{}),
	}
}

// do runs one call. It waits for a slot, as the platform starts no more than
// the function can take.
func (a *api) do(ctx context.Context, c Call) Response {
	exited := a.exit()
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return Response{ErrorType: "Canceled", ErrorMessage: "the caller hung up"}
	}
	c.RequestID = cmp.Or(c.RequestID, rand.Text())
	done := a.open(c.RequestID)
	defer a.close(c.RequestID)

	deadline := time.Now().Add(a.timeout)
	timer := time.NewTimer(a.timeout)
	defer timer.Stop()
	queue := a.queue
	for {
		select {
		case queue <- pending{c, deadline}:
			queue = nil // sent once
		case r := <-done:
			return r
		case <-timer.C:
			return Response{ErrorType: "FunctionTimeout", ErrorMessage: "function timed out after " + a.timeout.String()}
		case <-exited:
			return Response{ErrorType: "FunctionExited", ErrorMessage: "function instance exited unexpectedly"}
		case <-ctx.Done():
			return Response{ErrorType: "Canceled", ErrorMessage: "the caller hung up"}
		}
	}
}

func (a *api) open(id string) chan Response {
	a.mu.Lock()
	defer a.mu.Unlock()
	done := make(chan Response, 1)
	a.running[id] = done
	a.peak = max(a.peak, len(a.running))
	return done
}

func (a *api) close(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.running, id)
}

func (a *api) exit() chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.exited
}

// handler serves the three calls below prefix.
func (a *api) handler(prefix string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+prefix+"/runtime/invocation/next", a.next)
	mux.HandleFunc("POST "+prefix+"/runtime/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		a.finish(w, r, func(body []byte) Response { return Response{Body: body} })
	})
	mux.HandleFunc("POST "+prefix+"/runtime/invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) {
		a.finish(w, r, readError)
	})
	return mux
}

func (a *api) next(w http.ResponseWriter, r *http.Request) {
	select {
	case p := <-a.queue:
		a.headers(w.Header(), p)
		w.Write(p.Event)
	case <-r.Context().Done():
	}
}

// finish hands an answer to the waiting call. One that comes too late, or
// twice, is refused.
func (a *api) finish(w http.ResponseWriter, r *http.Request, read func([]byte) Response) {
	body, err := io.ReadAll(r.Body)
	a.mu.Lock()
	done := a.running[r.PathValue("id")]
	delete(a.running, r.PathValue("id"))
	a.mu.Unlock()
	if err != nil || done == nil {
		http.Error(w, `{"errorType":"InvalidRequestID"}`, http.StatusBadRequest)
		return
	}
	w.WriteHeader(a.accepted)
	done <- read(body)
}

func readError(body []byte) Response {
	var e struct {
		Message string  `json:"errorMessage"`
		Type    string  `json:"errorType"`
		Stack   []Frame `json:"stackTrace"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return Response{ErrorType: "InvalidError", ErrorMessage: string(body)}
	}
	return Response{ErrorMessage: e.Message, ErrorType: cmp.Or(e.Type, "Unhandled"), Stack: e.Stack}
}
