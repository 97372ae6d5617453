package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"

	"backupportal/function/emulator"
)

// A gate is a proxy in front of the cloud that can hold one request: before the cloud receives
// it, or before the portal receives the answer.
type gate struct {
	cloud *emulator.Cloud

	mu     sync.Mutex
	action string        // action of the request to hold; empty means that no request is held
	after  bool          // hold the answer instead of the request
	held   chan struct{} // closed when the request is held
	open   chan struct{} // closed when the request may continue
}

// hold makes the gate hold the next request of an action, or the answer to this request. The
// returned channel is closed when the gate holds the request.
func (g *gate) hold(action string, after bool) (held <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.action, g.after, g.held, g.open = action, after, make(chan struct{}), make(chan struct{})
	return g.held
}

// release lets the held request continue. If the process that sent it has ended, it never
// arrives.
func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.open)
}

// take reports whether the gate must hold a request of this action. It resets the gate, so that the
// next request passes.
func (g *gate) take(action string) (after, taken bool, held, open chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.action != action {
		return false, false, nil, nil
	}
	g.action = ""
	return g.after, true, g.held, g.open
}

// ServeHTTP implements [http.Handler].
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender has disconnected
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	query, err := url.ParseQuery(r.URL.RawQuery + "&" + string(body))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	after, taken, held, open := g.take(query.Get("Action"))
	if !taken {
		g.cloud.ServeHTTP(w, r)
		return
	}
	answer := httptest.NewRecorder()
	if after {
		g.cloud.ServeHTTP(answer, r)
	}
	close(held)
	select {
	case <-open:
	case <-r.Context().Done():
		return
	}
	if !after {
		g.cloud.ServeHTTP(w, r)
		return
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // the receiver may have disconnected
}
