// Package logging adds the request id of a context to each log line.
//
// The request id is the platform's id of an invocation, or a random one of the portal. A line has
// it only if it is written with a method of [slog.Logger] that takes a context, such as
// InfoContext.
package logging

import (
	"context"
	"log/slog"
)

// Key is the attribute of the request id in a log line. No other value uses it.
const Key = "request_id"

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

// NewHandler returns a handler that adds the request id of the context to each line and passes
// the line to next. It is safe for concurrent use if next is.
func NewHandler(next slog.Handler) slog.Handler { return handler{next} }

// A handler implements [slog.Handler].
type handler struct{ slog.Handler }

// Handle implements [slog.Handler]. It clones the line, as the interface requires before a
// change.
func (h handler) Handle(ctx context.Context, line slog.Record) error {
	if id := RequestID(ctx); id != "" {
		line = line.Clone()
		line.AddAttrs(slog.String(Key, id))
	}
	return h.Handler.Handle(ctx, line)
}

// WithAttrs implements [slog.Handler].
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
