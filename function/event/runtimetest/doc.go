// Package runtimetest plays the platforms that run the function.
//
// It has their runtime APIs, over which a built program takes its events, and
// their HTTP fronts, which make events of requests.
//
// A test starts the program behind [FC] or [Lambda] and talks to it through
// [FCTrigger] or [FunctionURL], which are ordinary handlers for an
// httptest.Server:
//
//	fc := &runtimetest.FC{}
//	fc.Start(t, "dist/main", "POLICY_FILE=testdata/policy.yaml")
//	front := httptest.NewServer(&runtimetest.FCTrigger{Function: fc, Domain: "backup.example.com"})
//
// The package knows the platforms from their documentation and nothing of the
// program, so that a mistake in one is caught by the other.
package runtimetest

import (
	"context"
	"encoding/json"
)

// A Function can be invoked: [FC], [Lambda], or a [Func] in this process.
type Function interface {
	Invoke(ctx context.Context, event []byte) Response
}

// Response is how an invocation ended. ErrorType is empty if it succeeded.
type Response struct {
	Body []byte

	ErrorMessage string
	ErrorType    string
	Stack        []Frame // only after a panic
}

// Failed reports whether the invocation ended in an error.
func (r Response) Failed() bool { return r.ErrorType != "" }

// A Frame is one line of the stack of a panic.
type Frame struct {
	Path  string `json:"path"`
	Line  int    `json:"line"`
	Label string `json:"label"`
}

// A Func is a handler that is called directly, without any runtime. Its errors
// are reported as the type “error”; its panics are not recovered.
type Func func(ctx context.Context, event []byte) (json.RawMessage, error)

// Invoke calls f.
func (f Func) Invoke(ctx context.Context, event []byte) Response {
	body, err := f(ctx, event)
	if err != nil {
		return Response{ErrorMessage: err.Error(), ErrorType: "error"}
	}
	return Response{Body: body}
}
