// Package event adapts the events of serverless platforms to the portal.
//
// They become HTTP requests for one [http.Handler], or messages for one
// submission function.
//
// A platform delivers bytes. An event with members of an HTTP request, such as
// requestContext, is one and is always answered, never failed: the platform would show
// the caller an error's text, and a panic's stack trace. Everything else is a
// [Message], or a batch of them, told apart by its outer shape alone; there an
// error asks the platform to deliver it again. The body of an HTTP request is
// never looked at as an event of its own.
//
// The shape proves nothing about the sender: whoever may invoke the function
// may write any of them.
package event

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"backupportal/function/logging"
)

// margin is what the handler does not get of the invocation's time, so that what
// the cloud answered in the last moment can still be written down, and a page
// about the time-out be sent.
const margin = 5 * time.Second

// Doors is what stands behind every platform. All fields but Unreadable are
// required.
type Doors struct {
	// Web answers HTTP requests. Its responses are buffered, so they can
	// neither be flushed nor hijacked, and on Function Compute carry one
	// cookie at most: [events.HTTPTriggerResponse] has one string per header.
	Web http.Handler

	// Unreadable answers an HTTP event that no request can be made of, with
	// status 400: err is ErrEventType, ErrVersion, ErrMethod, ErrPath, ErrQuery
	// or ErrBase64, and r is what could be read. Without it a plain page says so.
	Unreadable func(w http.ResponseWriter, r *http.Request, err error)

	// Submit handles one message and returns the JSON that answers it. An
	// error is a passing failure: the platform should deliver the message
	// again. A message that can never succeed is a [*Rejection]. Messages are
	// delivered at least once; a repeat has the same Kind, Source and ID.
	Submit func(ctx context.Context, m Message) (json.RawMessage, error)

	// Log is written to with the invocation's context, whose request id its
	// handler adds, if it is one of package logging.
	Log *slog.Logger
}

// FC answers one event of Function Compute's built-in runtimes. It is the
// function to give to fc.Start. Its parameter is []byte because the SDK decodes
// events for every other type, and so refuses those that are not JSON.
func (d Doors) FC(ctx context.Context, event []byte) (json.RawMessage, error) {
	return d.answer(fromFC(ctx), event)
}

// Lambda answers one event of AWS Lambda. It is the function to give to
// lambda.Start, for function URLs and for HTTP APIs with payload format 2.0 and
// the stage $default. Its parameter is not []byte because there the SDK takes
// that to be a JSON string in base64.
func (d Doors) Lambda(ctx context.Context, event json.RawMessage) (json.RawMessage, error) {
	return d.answer(fromLambda(ctx), event)
}

func (d Doors) answer(ctx context.Context, event []byte) (json.RawMessage, error) {
	ctx, cancel := earlier(ctx)
	defer cancel()
	if e, like, err := readHTTP(event); like {
		return d.serve(ctx, e, err), nil
	}
	return d.deliver(identified(ctx), event)
}

// identified gives ctx the request id of its log lines: the platform's, or a new
// one. An invocation without a name keeps none, so that a repeat of its event is
// known by the content.
func identified(ctx context.Context) context.Context {
	if logging.RequestID(ctx) != "" {
		return ctx
	}
	inv, _ := FromContext(ctx)
	return logging.WithRequestID(ctx, cmp.Or(inv.RequestID, rand.Text()))
}

// earlier moves the deadline of ctx forward by the margin, or by a fifth of
// what is left if that is less.
func earlier(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	left := max(time.Until(deadline), 0)
	return context.WithDeadline(ctx, deadline.Add(-min(margin, left/5)))
}
