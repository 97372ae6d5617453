// Package runtimetest simulates the platforms that run the function.
//
// It has two layers for each platform. A runtime API gives events to a compiled program; an HTTP
// front makes events from requests, and responses from answers:
//
//	platform           runtime API   HTTP front
//	Function Compute   [FC]          [FCTrigger]
//	AWS Lambda         [Lambda]      [FunctionURL], [Gateway]
//
// A test starts the program behind a runtime API, and sends requests to the front, which is a
// handler for an httptest.Server:
//
//	fc := &runtimetest.FC{}
//	fc.Start(t, "dist/main", "POLICY_FILE=testdata/policy.yaml")
//	front := httptest.NewServer(&runtimetest.FCTrigger{Function: fc, Domain: "backup.example.com"})
//
// The package follows the documentation of the platforms and shares no code with the program, so
// that a mistake in one of them is found by the other.
package runtimetest

import (
	"context"
	"encoding/json"
)

// A Function can be invoked with an event. It is an [FC], a [Lambda], or a [Func] in this
// process.
type Function interface {
	// Invoke runs the function with one event and returns its result. A failure of the function
	// is in the Response.
	Invoke(ctx context.Context, event []byte) Response
}

// A Response is the result of an invocation. ErrorType is empty if it succeeded.
type Response struct {
	Body []byte

	ErrorMessage string
	ErrorType    string
	Stack        []Frame // the stack of a panic; nil after any other error
}

// Failed reports whether the invocation ended in an error.
func (r Response) Failed() bool { return r.ErrorType != "" }

// A Frame is one line of the stack of a panic.
type Frame struct {
	Path  string `json:"path"`
	Line  int    `json:"line"`
	Label string `json:"label"`
}

// A Func is a function in this process, which runs without a runtime. The type of its errors is
// “error”; its panics are not recovered.
type Func func(ctx context.Context, event []byte) (json.RawMessage, error)

// Invoke calls f.
func (f Func) Invoke(ctx context.Context, event []byte) Response {
	body, err := f(ctx, event)
	if err != nil {
		return Response{ErrorMessage: err.Error(), ErrorType: "error"}
	}
	return Response{Body: body}
}
