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

// An api simulates what both platforms' runtime APIs have in common. The function's program
// gets its next event with GET next, which blocks, and answers with POST response or POST
// error. The SDKs ask for the next event all the time, so the platform alone limits how many
// events are handled at the same time.
type api struct {
	accepted int                        // status of the reply to an answer
	headers  func(http.Header, pending) // sets the headers of the reply to next
	queue    chan pending               // calls that wait for next
	slots    chan struct{}              // limits the calls that run at the same time
	timeout  time.Duration

	mu      sync.Mutex
	running map[string]chan Response // calls without an answer, by request id
	exited  chan struct{}            // closed when the program has ended
	peak    int                      // largest number of calls that ran at the same time
}

// A Call is one simulated invocation: its event, and the values that the platform sends with
// it.
type Call struct {
	Event      []byte
	RequestID  string // empty means random; a retry has the same one
	RetryCount int    // number of earlier deliveries of an asynchronous event
}

// A pending is an invocation that waits for its answer, with its deadline.
type pending struct {
	Call
	deadline time.Time
}

// newAPI returns an api. accepted is the HTTP status with which it confirms an answer. A
// concurrency below 1 means 1; a timeout of zero means 30 seconds.
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

// do runs one invocation and waits for its answer. It first waits until fewer invocations run
// than the concurrency allows, as the platform does. The response has an error type if the
// function times out, the program ends, or ctx ends.
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
			queue = nil // the call is sent only once
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

// open registers a running invocation under its id.
func (a *api) open(id string) chan Response {
	a.mu.Lock()
	defer a.mu.Unlock()
	done := make(chan Response, 1)
	a.running[id] = done
	a.peak = max(a.peak, len(a.running))
	return done
}

// close removes an invocation that has ended.
func (a *api) close(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.running, id)
}

// exit returns the channel that is closed when the process of the program under test has ended.
func (a *api) exit() chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.exited
}

// handler serves the three requests of a runtime API below prefix.
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

// next replies with the next call, and waits until there is one.
func (a *api) next(w http.ResponseWriter, r *http.Request) {
	select {
	case p := <-a.queue:
		a.headers(w.Header(), p)
		w.Write(p.Event)
	case <-r.Context().Done():
	}
}

// finish passes an answer to the waiting invocation. It refuses an answer to an unknown or
// finished invocation with status 400.
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

// readError reads the body of POST error, as both SDKs write it.
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
