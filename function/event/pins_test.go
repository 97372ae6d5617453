package event_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aliyun/fc-runtime-go-sdk/fc/messages"

	"backupportal/function/event/runtimetest"
)

// pinned is a handler that returns values of several types, to show how fc-runtime-go-sdk
// converts each type.
func pinned(_ context.Context, ev []byte) (any, error) {
	switch string(ev) {
	case "bytes":
		return []byte("abc"), nil
	case "markup":
		return json.RawMessage(`"<a>&"`), nil
	case "both":
		return "result", errors.New("and error")
	case "wrapped":
		return nil, fmt.Errorf("wrapped: %w", errors.New("cause"))
	case "typed":
		return nil, messages.InvokeResponse_Error{Type: "BadSubmission", Message: "as given"}
	case "panic":
		panic(errors.New("out of order"))
	}
	return string(ev), nil
}

// TestSDKBehaviour fails if a new version of fc-runtime-go-sdk changes a behaviour on which this
// package depends.
func TestSDKBehaviour(t *testing.T) {
	f := &runtimetest.FC{}
	f.Start(t, self(t), runtimeVar+"=fc-pins")
	for _, c := range []struct{ name, event, body, kind, message string }{
		{"bytes become a base64 string", "bytes", `"YWJj"`, "", ""},
		{"markup is escaped even in raw JSON", "markup", `"\u003ca\u003e\u0026"`, "", ""},
		{"a result beside an error is dropped", "both", "", "errorString", "and error"},
		{"an error is named by its bare type", "wrapped", "", "wrapError", "wrapped: cause"},
		{"an error of the SDK's type names itself", "typed", "", "BadSubmission", "as given"},
		{"a panic is reported with its stack", "panic", "", "errorString", "out of order"},
		{"and the process lives on, also for events that are not JSON", "no json", `"no json"`, "", ""},
	} {
		r := f.Invoke(t.Context(), []byte(c.event))
		if string(r.Body) != c.body || r.ErrorType != c.kind || r.ErrorMessage != c.message || (len(r.Stack) > 0) != (c.event == "panic") {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
	if out := f.Output(); !strings.Contains(out, "FC Invoke Start RequestId: ") || !strings.Contains(out, ", Error: Unhandled function error") {
		t.Errorf("the SDK printed %s", out)
	}
}

// TestEventsThroughSDKLoops proves results that depend on how the SDKs encode and decode JSON,
// by running the SDKs' real loops.
func TestEventsThroughSDKLoops(t *testing.T) {
	f := startFC(t)
	l := &runtimetest.Lambda{}
	l.Start(t, self(t), runtimeVar+"=lambda")
	for name, fn := range map[string]runtimetest.Function{"fc": f, "lambda": l} {
		if r := fn.Invoke(t.Context(), []byte(`{"a":"<&>"}`)); r.Failed() || !sameGot(r.Body, "<&>") {
			t.Errorf("%s, direct: %+v", name, r)
		}
		if r := fn.Invoke(t.Context(), []byte(`["\"fail\""]`)); r.ErrorType != "RetryError" || len(r.Stack) > 0 || strings.Contains(r.ErrorMessage, "hunter2") {
			t.Errorf("%s, passing failure: %+v", name, r)
		}
		if r := fn.Invoke(t.Context(), []byte(`7`)); r.ErrorType != "ShapeError" {
			t.Errorf("%s, unknown shape: %+v", name, r)
		}
		if r := fn.Invoke(t.Context(), []byte(`["\"panic\""]`)); r.ErrorType != "RetryError" {
			t.Errorf("%s, panic: %+v", name, r)
		}
	}
	if r := f.Invoke(t.Context(), []byte("hello topic")); r.Failed() || !strings.Contains(string(r.Body), `"outcome":"rejected"`) {
		t.Errorf("text: %+v", r)
	}
	if r := f.Invoke(t.Context(), nil); r.ErrorType != "ShapeError" {
		t.Errorf("empty: %+v", r)
	}
}

func sameGot(body []byte, want string) bool {
	var a struct{ Got struct{ A string } }
	return json.Unmarshal(body, &a) == nil && a.Got.A == want
}
