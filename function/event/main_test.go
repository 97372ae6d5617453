package event_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"testing"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aws/aws-lambda-go/lambda"

	"backupportal/function/event"
)

// runtimeVar is an environment variable that makes the test binary run as a function instead of
// running tests. Tests start the binary again in this way, behind a simulated platform, so that
// the SDKs' real loops are tested.
const runtimeVar = "EVENT_TEST_RUNTIME"

func TestMain(m *testing.M) {
	d := event.Handlers{Web: site(), Submit: submit, Log: slog.New(slog.NewJSONHandler(os.Stderr, nil))}
	switch os.Getenv(runtimeVar) {
	case "fc":
		fc.Start(d.FC)
	case "fc-pins":
		fc.Start(pinned)
	case "lambda":
		lambda.Start(d.Lambda)
	default:
		os.Exit(m.Run())
	}
}

// self returns the path of the test binary.
func self(t testing.TB) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// site returns the HTTP handler of the tests, with one route for each case.
func site() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", echo)
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(page))
	})
	mux.HandleFunc("POST /form", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "flash", Value: r.FormValue("note"), Path: "/"})
		http.Redirect(w, r, "/done?n=3&m=4", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /binary", func(w http.ResponseWriter, r *http.Request) { w.Write(binary) })
	mux.HandleFunc("GET /cookies", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
	})
	mux.HandleFunc("/panic", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Half", "done")
		panic("secret of the handler")
	})
	mux.HandleFunc("/abort", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	return mux
}

const page = "<!doctype html><title>A & B</title><p class=\"x\">“备份” \u2028 'q'</p>"

var binary = []byte{0x89, 'P', 'N', 'G', 0xff, 0xfe, 0, 1}

// A seen is the request as /echo received it.
type seen struct {
	Method, Host, URI, URL, Proto, Remote, Body string
	Length                                      int64
	Header                                      http.Header
	Query                                       map[string][]string
	RequestID, Region, Platform, Key, Token     string
	Retry                                       int
	Deadline                                    bool
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	inv, _ := event.FromContext(r.Context())
	_, deadline := r.Context().Deadline()
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(seen{
		Method: r.Method, Host: r.Host, URI: r.RequestURI, URL: r.URL.String(), Proto: r.Proto, Remote: r.RemoteAddr,
		Body: string(body), Length: r.ContentLength, Header: r.Header, Query: r.URL.Query(),
		RequestID: inv.RequestID, Region: inv.Region, Platform: inv.Platform, Retry: inv.RetryCount,
		Key: inv.Credentials.AccessKeyID.Reveal(), Token: inv.Credentials.SecurityToken.Reveal(), Deadline: deadline,
	})
}

// submit is a test's Submit function. The payload of the message decides its result.
func submit(_ context.Context, m event.Message) (json.RawMessage, error) {
	switch string(m.Payload) {
	case `"fail"`:
		return nil, errors.New("store away: password hunter2")
	case `"panic"`:
		panic("hunter2")
	}
	if !json.Valid(m.Payload) {
		return nil, &event.Rejection{Answer: json.RawMessage(`{"status":422,"title":"not JSON"}`)}
	}
	return json.Marshal(map[string]any{"got": json.RawMessage(m.Payload), "kind": m.Kind, "source": m.Source, "id": m.ID})
}
