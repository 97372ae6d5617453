package web_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"
)

// A front serves the portal over HTTP to the script for CI pipelines. To make tests fast, the
// portal's clock advances by at least 15 seconds when the portal waits or sends Retry-After,
// and the script sleeps for only one second.
type front struct {
	*world
	url string

	// instead may answer request n, counted from 1, in place of the portal. It returns false to let
	// the portal answer.
	instead func(n int, w http.ResponseWriter, r *http.Request) bool
	// waits is called with the address of a request that waits for the end of its job.
	waits func(path string)

	mu       sync.Mutex
	requests []*http.Request
}

func newFront(t *testing.T) *front { return newFrontOf(t, newWorld(t)) }

// newFrontOf returns a front of the portal of w.
func newFrontOf(t *testing.T, w *world) *front {
	t.Helper()
	f := &front{world: w}
	f.server.Backups.Wait = func(ctx context.Context, d time.Duration) error {
		if path, ok := ctx.Value(pathKey{}).(string); ok && f.waits != nil {
			f.waits(path)
		}
		f.clock.Add(d)
		return ctx.Err()
	}
	listener := httptest.NewServer(f)
	t.Cleanup(listener.Close)
	f.url = listener.URL
	return f
}

// pathKey is the context key of a request's path.
type pathKey struct{}

// ServeHTTP implements [http.Handler].
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(context.WithValue(r.Context(), pathKey{}, r.URL.Path))
	f.mu.Lock()
	f.requests = append(f.requests, r)
	n := len(f.requests)
	f.mu.Unlock()
	if f.instead != nil && f.instead(n, w, r) {
		return
	}
	answer := httptest.NewRecorder()
	f.handler.ServeHTTP(answer, r)
	if after, err := strconv.Atoi(answer.Header().Get("Retry-After")); err == nil {
		f.clock.Add(max(seconds(after), seconds(15)))
		answer.Header().Set("Retry-After", "1")
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // the client may be gone
}

// cancelOnce cancels the job that a request waits for.
func (f *front) cancelOnce(t *testing.T) func(path string) {
	var once sync.Once
	return func(path string) {
		once.Do(func() {
			if answer := f.ask("POST", path+"/cancel", "", ""); answer.Code != http.StatusAccepted {
				t.Errorf("cancelling: %d %s", answer.Code, answer.Body)
			}
		})
	}
}

// submission returns the id of the newest submission.
func (f *front) submission(t *testing.T) string {
	t.Helper()
	m := regexp.MustCompile(`"SubmissionId":"([a-z2-7]{26})"`).FindStringSubmatch(f.ask("GET", "/api/v1/backup-jobs?limit=1", "", "").Body.String())
	if m == nil {
		t.Fatal("there is no submission")
	}
	return m[1]
}

// lose lets the portal handle r but drops the answer, as a broken connection does.
func (f *front) lose(r *http.Request) {
	f.handler.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// received returns the methods of the requests so far, in order.
func (f *front) received() (methods []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		methods = append(methods, r.Method)
	}
	return methods
}

// keys returns the idempotency keys of the requests so far, in order.
func (f *front) keys() (keys []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		if key := r.Header.Get("Idempotency-Key"); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// jobs returns the statuses of all jobs in the cloud, in order.
func (f *front) jobs() (statuses []string) {
	for _, job := range f.cloud.Ledger().Jobs {
		statuses = append(statuses, job.Status)
	}
	return statuses
}
