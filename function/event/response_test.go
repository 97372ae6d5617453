package event_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

const getEvent = `{"version":"v1","rawPath":"/secret%0Apath","requestContext":{"http":{"method":"GET"}}}`

// respond returns the answer of h to a GET request on Function Compute.
func respond(t *testing.T, h http.HandlerFunc) answer {
	t.Helper()
	return serve(t, h, getEvent)
}

func TestFirstWriteFixesResponse(t *testing.T) {
	a := respond(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-A", "1")
		w.WriteHeader(http.StatusEarlyHints) // an informational status is ignored
		w.Header().Add("X-A", "2")
		w.WriteHeader(http.StatusAccepted)
		w.Header().Set("X-B", "late")
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "<html>")
		io.WriteString(w, "text")
	})
	want := answer{StatusCode: 202, Body: "<html>text",
		Headers: map[string]string{"X-A": "1, 2", "Content-Type": "text/html; charset=utf-8"}}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestResponseDefaults(t *testing.T) {
	for name, c := range map[string]struct {
		h      http.HandlerFunc
		status int
		ctype  string
		body   string
		base64 bool
	}{
		"nothing":    {func(http.ResponseWriter, *http.Request) {}, 200, "text/plain; charset=utf-8", "", false},
		"redirect":   {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(303) }, 303, "text/plain; charset=utf-8", "", false},
		"no content": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204); w.Write([]byte("x")) }, 204, "", "", false},
		"unmodified": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(304); w.Write([]byte("x")) }, 304, "", "", false},
		"empty write first": {func(w http.ResponseWriter, r *http.Request) { w.Write(nil); w.Write([]byte("<p>")) },
			200, "text/html; charset=utf-8", "<p>", false},
		"binary": {func(w http.ResponseWriter, r *http.Request) { w.Write(binary) },
			200, "text/plain; charset=utf-8", base64.StdEncoding.EncodeToString(binary), true},
		"encoded": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write([]byte("text"))
		}, 200, "application/octet-stream", "dGV4dA==", true},
		"own type": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "a/b")
			w.Write([]byte("<p>"))
		}, 200, "a/b", "<p>", false},
	} {
		t.Run(name, func(t *testing.T) {
			a := respond(t, c.h)
			if c.base64 && name == "binary" {
				c.ctype = a.Headers["Content-Type"] // any type that the bytes suggest is accepted
			}
			if a.StatusCode != c.status || a.Headers["Content-Type"] != c.ctype || a.Body != c.body || a.IsBase64Encoded != c.base64 {
				t.Errorf("%+v", a)
			}
		})
	}
}

func TestHeadHasNoBody(t *testing.T) {
	a := serve(t, site(), `{"version":"v1","rawPath":"/page","requestContext":{"http":{"method":"HEAD"}}}`)
	if a.StatusCode != 200 || a.Body != "" || a.Headers["Content-Type"] != "text/html; charset=utf-8" {
		t.Errorf("%+v", a)
	}
}

func TestReservedResponseHeaders(t *testing.T) {
	a := respond(t, func(w http.ResponseWriter, _ *http.Request) {
		for _, name := range []string{"Connection", "Keep-Alive", "Date", "Server", "Upgrade", "X-Fc-Status", "Transfer-Encoding", "Trailer:X-T"} {
			w.Header()[name] = []string{"x"}
		}
		w.Header().Set("Content-Length", "0")
		w.Header()["X-Empty"] = nil
	})
	want := map[string]string{"Content-Length": "0", "Content-Type": "text/plain; charset=utf-8"}
	if diff := cmp.Diff(want, a.Headers); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestCookies(t *testing.T) {
	set := func(values ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for _, v := range values {
				w.Header().Add("Set-Cookie", v)
			}
		}
	}
	if a := respond(t, set("a=1, 2; Path=/")); a.Headers["Set-Cookie"] != "a=1, 2; Path=/" || a.Cookies != nil {
		t.Errorf("one cookie on FC: %+v", a)
	}
	if a := respond(t, set("a=1", "b=2")); a.StatusCode != 500 || a.Headers["Set-Cookie"] != "" {
		t.Errorf("two cookies on FC: %+v", a)
	}
	a := serve(t, set("a=1", "b=2"), lambdaEvent)
	if diff := cmp.Diff([]string{"a=1", "b=2"}, a.Cookies); diff != "" || a.Headers["Set-Cookie"] != "" || a.StatusCode != 200 {
		t.Errorf("two cookies on Lambda: %+v", a)
	}
	if a := serve(t, set(), lambdaEvent); a.Cookies == nil {
		t.Error("cookies are null on Lambda")
	}
}

func TestHeaderLimitOnFC(t *testing.T) {
	large := func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Large", strings.Repeat("x", 8<<10)) }
	if a := respond(t, large); a.StatusCode != 500 || a.Headers["X-Large"] != "" || !strings.Contains(a.Body, "500 Internal Server Error") {
		t.Errorf("%+v", a)
	}
	if a := serve(t, http.HandlerFunc(large), lambdaEvent); a.StatusCode != 200 {
		t.Errorf("on Lambda: %d", a.StatusCode)
	}
}

func TestAnswerDoesNotEscapeMarkup(t *testing.T) {
	d := quiet()
	body, err := d.Lambda(t.Context(), json.RawMessage(strings.Replace(getEvent, "/secret%0Apath", "/page", 1)))
	if err != nil || !bytes.Contains(body, []byte("<!doctype html><title>A & B")) || bytes.HasSuffix(body, []byte("\n")) {
		t.Errorf("%v: %s", err, body)
	}
}

func TestNoFlushNoHijack(t *testing.T) {
	respond(t, func(w http.ResponseWriter, _ *http.Request) {
		if _, ok := w.(http.Flusher); ok {
			t.Error("Flusher")
		}
		if err := http.NewResponseController(w).Flush(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Flush: %v", err)
		}
		if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Hijack: %v", err)
		}
	})
}

func TestPanicReplacesResponse(t *testing.T) {
	for name, v := range map[string]any{"value": "boom", "error": iotest.ErrTimeout, "abort": http.ErrAbortHandler, "bad status": nil} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			d := quiet()
			d.Log = slog.New(slog.NewJSONHandler(&log, nil))
			d.Web = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Set-Cookie", "half=1")
				if v == nil {
					w.WriteHeader(0)
				}
				io.WriteString(w, "half a page")
				panic(v)
			})
			body, err := d.FC(t.Context(), []byte(getEvent))
			if err != nil {
				t.Fatal(err)
			}
			s := string(body)
			if !strings.Contains(s, `"statusCode":500`) || strings.Contains(s, "half") || strings.Contains(s, "boom") {
				t.Errorf("answer %s", s)
			}
			for _, want := range []string{`"stack":"goroutine`, "response_test.go", `"method":"GET"`, `"path":"/secret%0Apath"`} {
				if !strings.Contains(log.String(), want) {
					t.Errorf("log lacks %s: %s", want, log.String())
				}
			}
			if n := strings.Count(log.String(), "\n"); n != 1 {
				t.Errorf("%d lines for one record", n)
			}
		})
	}
}
