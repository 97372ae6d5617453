// Package event adapts the events of serverless platforms to the portal.
//
// A platform delivers an event as bytes. Only its outer shape decides its kind; the first row
// that matches wins. Kinds are those of package envelope.
//
//	shape of the event                          kind         id of a message
//	known and not served (unserved.go)          (error: UnservedError)
//	a member of an HTTP request (httpMembers)   (HTTP)
//	empty, null, number, true, false            (error: ShapeError)
//	not JSON, or a JSON string                  text         digest of the content
//	array: for each element
//	    object with specversion                 as a CloudEvent below
//	    object with eventSource of AWS          as a record below
//	    data of a broker                        as a CloudEvent of the broker below
//	    other object or string                  raw          digest of the content
//	object with specversion                     cloudevent   id
//	    of type mns:Queue:SendMessage           mns-queue    data.messageId, or id
//	    of type mq:…, alikafka:…, amqp:…, or
//	    with such data (broker.go)              rocketmq, kafka, rabbitmq
//	    of type oss:… with oss in its data      oss          id
//	object with triggerName and triggerTime     timer        triggerTime
//	object with TopicName and MessageId         mns-topic    MessageId
//	object with an array Records of AWS
//	    element with eventSource aws:sqs        sqs          messageId
//	    element with eventSource aws:kinesis    kinesis      eventID
//	    element with eventSource aws:sns        sns          Sns.MessageId
//	    element with eventSource aws:s3         s3           sequencer/object key
//	object with detail-type, source, detail     eventbridge  id
//	    of a schedule                           scheduler    time
//	object with an array events
//	    element with eventSource cdn            cdn          traceId, or digest
//	    other element                           oss          requestId/object key, or digest
//	object with body and attrs, no others       mns-stream   digest of the content
//	any other object                            direct       request id, or digest
//
// An HTTP event becomes a request for one [http.Handler]. It always gets an answer and never an
// error, because the platforms show the caller the text of an error and the stack of a panic. The body
// of an HTTP request is never read as an event.
//
// Every other event becomes one or more values of type [Message] for one function. Its errors
// ask the platform to deliver the event again.
//
// The shape does not prove who sent an event: a caller that may invoke the function can write
// any shape.
package event

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"backupportal/function/jsontext"
	"backupportal/function/logging"
	"backupportal/function/trace"
)

// margin is how long before the end of the invocation the handler's deadline is. In this time
// the portal can still store an answer of the cloud and send a page that reports the time-out.
const margin = 5 * time.Second

// Handlers has the functions that handle the events of every platform. All fields except
// Unreadable, NotMessage and Traces are required. They must not be changed after the first event. The
// functions must be safe for concurrent use.
type Handlers struct {
	// Web answers HTTP requests. Its responses are buffered: they cannot be flushed or hijacked.
	// On Function Compute a response can have only one cookie, because
	// [events.HTTPTriggerResponse] has one value for each header.
	Web http.Handler

	// Unreadable answers an HTTP event from which no request can be made, with status 400. err
	// is [ErrEventType], [ErrVersion], [ErrMethod], [ErrPath], [ErrQuery], [ErrUnicode] or
	// [ErrBase64]. r has the parts of the request that could be read. Nil means that a plain
	// page is sent.
	Unreadable func(w http.ResponseWriter, r *http.Request, err error)

	// NotMessage is called for each event, or element of a batch, that is not a message. m has
	// no payload, and has no kind if the event has none. reason contains no text of the event.
	// Nil means no call.
	NotMessage func(ctx context.Context, m Message, reason string)

	// Submit handles one message and returns its answer as JSON. A message that can never succeed
	// is a [*Rejection]. Any other error means that the platform should deliver the message
	// again. Messages are delivered at least once; a repeat has the same Kind, Source and ID.
	Submit func(ctx context.Context, m Message) (json.RawMessage, error)

	// Initialize prepares a new instance of a custom runtime, if the function has an initializer.
	// Its error is logged only. Nil means no call.
	Initialize func(ctx context.Context) error

	// Traces gets the spans of each event that is not HTTP. Nil means that they are only logged.
	Traces trace.Exporter

	// Log gets lines with the context of the invocation. A handler of package logging adds the
	// request id to them.
	Log *slog.Logger
}

// FC answers one event of Function Compute's built-in runtimes. Pass it to fc.Start. The event is
// []byte because the SDK would decode it for any other type, and refuse events that are not JSON.
func (d Handlers) FC(ctx context.Context, event []byte) (json.RawMessage, error) {
	return d.answer(fromFC(ctx), event)
}

// Lambda answers one event of AWS Lambda: of a function URL, of API Gateway with payload format
// 2.0 or 1.0, of an Application Load Balancer, or a message. Pass it to lambda.Start. The event is a
// json.RawMessage because the SDK would read a JSON string in base64 for []byte.
func (d Handlers) Lambda(ctx context.Context, event json.RawMessage) (json.RawMessage, error) {
	return d.answer(fromLambda(ctx), event)
}

// answer answers one event whose invocation is in ctx. A byte order mark before the event is skipped.
// An event that is not HTTP can have the errors of deliver. An event that is not served has an
// [*UnservedError].
func (d Handlers) answer(ctx context.Context, event []byte) (json.RawMessage, error) {
	ctx, cancel := withMargin(ctx)
	defer cancel()
	event = jsontext.TrimMark(event)
	inv, _ := FromContext(ctx)
	top := members(event)
	if err := unserved(event, top); err != nil {
		ctx = withLogID(ctx)
		d.Log.ErrorContext(ctx, "event", "outcome", outcomeUnserved, "size", len(event),
			"retry", inv.RetryCount, "error", err)
		d.notMessage(ctx, Message{}, err.Error())
		return nil, err
	}
	if e, like, err := readHTTP(event, top, inv.Platform); like {
		return d.serve(ctx, e, err), nil
	}
	return d.deliver(trace.With(withLogID(ctx), trace.New()), event)
}

// withLogID returns a context with a request id for log lines: that of the platform or, if
// there is none, a random one. The random id is not stored in the invocation. A direct message
// uses the invocation's id as its own, and it would otherwise get a new id whenever it is
// repeated.
func withLogID(ctx context.Context) context.Context {
	if logging.RequestID(ctx) != "" {
		return ctx
	}
	inv, _ := FromContext(ctx)
	return logging.WithRequestID(ctx, cmp.Or(inv.RequestID, rand.Text()))
}

// withMargin returns a context whose deadline is earlier than that of ctx: by margin, or by a
// fifth of the remaining time if that is less. Without a deadline it returns ctx unchanged.
func withMargin(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	left := max(time.Until(deadline), 0)
	return context.WithDeadline(ctx, deadline.Add(-min(margin, left/5)))
}
