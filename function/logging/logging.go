// Package logging adds the request id of a context to each log line.
//
// The id is the platform's name for an invocation, or one that the portal makes.
// Code that writes a line for a request uses the methods of [slog.Logger] that
// take a context.
package logging

import (
	"context"
	"log/slog"
)

// Key is the key of the request id in a log line. No other value has it.
const Key = "request_id"

type idKey struct{}

// WithRequestID returns a context whose log lines carry id.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, idKey{}, id)
}

// RequestID returns the request id of ctx. It is empty if there is none.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(idKey{}).(string)
	return id
}

// NewHandler returns a handler that adds the request id of a line's context, if
// there is one, and gives the line to next.
func NewHandler(next slog.Handler) slog.Handler { return handler{next} }

type handler struct{ slog.Handler }

// Handle implements [slog.Handler].
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
