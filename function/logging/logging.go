// Package logging adds the request id of a context to each log line.
//
// It adds the trace id ([trace.Context]) too. The request id is the platform's id of an invocation, or a random one of the portal. A line has
// it only if it is written with a method of [slog.Logger] that takes a context, such as
// InfoContext.
package logging

import (
	"context"
	"log/slog"

	"backupportal/function/trace"
)

// Key is the attribute of the request id in a log line, and TraceKey that of the trace id. No other value
// uses them.
const (
	Key      = "request_id"
	TraceKey = "trace_id"
)

type idKey struct{}

// WithRequestID returns a context whose log lines have the request id id. With an empty id they
// have none.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, idKey{}, id)
}

// RequestID returns the request id of ctx, or an empty string if it has none.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(idKey{}).(string)
	return id
}

// NewHandler returns a handler that adds the request id and the trace id of the context to each line and
// passes the line to next. It is safe for concurrent use if next is.
func NewHandler(next slog.Handler) slog.Handler { return handler{next} }

// A handler implements [slog.Handler].
type handler struct{ slog.Handler }

// Handle implements [slog.Handler]. It clones the line, as the interface requires before a
// change.
func (h handler) Handle(ctx context.Context, line slog.Record) error {
	id, traceID := RequestID(ctx), trace.From(ctx).TraceID
	if id != "" || traceID != "" {
		line = line.Clone()
	}
	if id != "" {
		line.AddAttrs(slog.String(Key, id))
	}
	if traceID != "" {
		line.AddAttrs(slog.String(TraceKey, traceID))
	}
	return h.Handler.Handle(ctx, line)
}

// WithAttrs implements [slog.Handler].
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
