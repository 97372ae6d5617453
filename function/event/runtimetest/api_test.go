package runtimetest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func testAPI(concurrency int) *api {
	return newAPI(http.StatusOK, concurrency, 10*time.Second, func(h http.Header, p pending) { h.Set("Id", p.RequestID) })
}

// call sends one request to the API as a program does.
func call(ctx context.Context, a *api, method, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.handler("/v").ServeHTTP(w, httptest.NewRequest(method, "/v/runtime/invocation/"+path, strings.NewReader(body)).WithContext(ctx))
	return w
}

func TestCallsWaitForASlot(t *testing.T) {
	for _, concurrency := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			a := testAPI(concurrency)
			ended := make(chan Response, 3)
			for range 3 {
				go func() { ended <- a.do(t.Context(), Call{Event: []byte("e")}) }()
			}
			for range 3 {
				synctest.Wait()
				next := call(t.Context(), a, "GET", "next", "")
				if w := call(t.Context(), a, "POST", next.Header().Get("Id")+"/response", "done"); w.Code != 200 {
					t.Errorf("response: %d", w.Code)
				}
			}
			for range 3 {
				if r := <-ended; r.Failed() || string(r.Body) != "done" {
					t.Errorf("%+v", r)
				}
			}
			if a.peak != concurrency {
				t.Errorf("%d ran at once, want %d", a.peak, concurrency)
			}
		})
	}
}

func TestCallEndsWithoutAnAnswer(t *testing.T) {
	for want, end := range map[string]func(*api, context.CancelFunc){
		"FunctionTimeout": func(*api, context.CancelFunc) {}, // the clock runs on
		"FunctionExited":  func(a *api, _ context.CancelFunc) { close(a.exited) },
		"Canceled":        func(_ *api, cancel context.CancelFunc) { cancel() },
	} {
		synctest.Test(t, func(t *testing.T) {
			a := testAPI(1)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan Response, 1)
			go func() { ended <- a.do(ctx, Call{RequestID: "id-1"}) }()
			call(t.Context(), a, "GET", "next", "")
			end(a, cancel)
			if r := <-ended; r.ErrorType != want {
				t.Errorf("%+v, want %s", r, want)
			}
			if w := call(t.Context(), a, "POST", "id-1/response", "late"); w.Code != 400 {
				t.Errorf("a late answer got %d", w.Code)
			}
		})
	}
}

func TestErrorIsReadWithItsStack(t *testing.T) {
	r := readError([]byte(`{"errorMessage":"m","errorType":"T","stackTrace":[{"path":"p","line":7,"label":"l"}]}`))
	if r.ErrorMessage != "m" || r.ErrorType != "T" || len(r.Stack) != 1 || r.Stack[0] != (Frame{"p", 7, "l"}) {
		t.Errorf("%+v", r)
	}
	if r := readError([]byte("junk")); !r.Failed() {
		t.Errorf("junk: %+v", r)
	}
}
