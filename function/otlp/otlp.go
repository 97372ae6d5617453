//go:build otel

package otlp

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"

	"backupportal/function/trace"
)

// flushTime limits how long a request waits until its spans are exported.
const flushTime = 2 * time.Second

// An Exporter is a [trace.Exporter] to a collector. [New] makes one.
type Exporter struct {
	provider *sdk.TracerProvider
	tracer   oteltrace.Tracer
	flush    bool
}

var _ trace.Exporter = (*Exporter)(nil)

// New returns an exporter to the collector that the environment names. It does not connect. With flush, the spans of a
// request are exported before it is answered, because the platform may freeze the process afterwards. Failures of exports
// are logged.
func New(ctx context.Context, version string, flush bool, log *slog.Logger) (*Exporter, error) {
	client, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, err
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("exporting spans", "error", err) }))
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "backup-portal"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, err
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(client), sdk.WithResource(about), sdk.WithIDGenerator(ids{}))
	return &Exporter{provider: provider, tracer: provider.Tracer("backupportal"), flush: flush}, nil
}

// Export implements [trace.Exporter]. The parent of the request is the span that its sender named.
func (e *Exporter) Export(ctx context.Context, request trace.Span, parts []trace.Span) {
	parent := context.Background()
	if c := trace.From(ctx); c.Begun {
		parent = trace.With(parent, c)
	} else if sender, ok := spanContext(c); ok {
		parent = oteltrace.ContextWithRemoteSpanContext(parent, sender)
	}
	inRequest, span := e.tracer.Start(parent, request.Name, oteltrace.WithTimestamp(request.Began), oteltrace.WithSpanKind(oteltrace.SpanKindServer))
	for _, part := range parts {
		kind := oteltrace.SpanKindInternal
		if strings.HasPrefix(part.Name, "cloud ") || strings.HasPrefix(part.Name, "store ") {
			kind = oteltrace.SpanKindClient
		}
		_, one := e.tracer.Start(inRequest, part.Name, oteltrace.WithTimestamp(part.Began), oteltrace.WithSpanKind(kind))
		end(one, part)
	}
	end(span, request)
	if !e.flush {
		return
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	if deadline, ok := ctx.Deadline(); ok {
		limited, cancel = context.WithDeadline(limited, deadline)
		defer cancel()
	}
	if err := e.provider.ForceFlush(limited); err != nil {
		otel.Handle(err)
	}
}

// end ends a span with its result.
func end(span oteltrace.Span, s trace.Span) {
	if s.Result != "" {
		span.SetAttributes(attribute.String("result", s.Result))
	}
	if s.Result == "error" || s.Result == "failed" || len(s.Result) == 3 && s.Result[0] == '5' {
		span.SetStatus(codes.Error, "")
	}
	span.End(oteltrace.WithTimestamp(s.Ended))
}

// Close exports what is left.
func (e *Exporter) Close(ctx context.Context) error { return e.provider.Shutdown(ctx) }

// spanContext returns the sender's span.
func spanContext(c trace.Context) (oteltrace.SpanContext, bool) {
	traceID, err := oteltrace.TraceIDFromHex(c.TraceID)
	if err != nil {
		return oteltrace.SpanContext{}, false
	}
	spanID, err := oteltrace.SpanIDFromHex(c.SpanID)
	if err != nil {
		return oteltrace.SpanContext{}, false
	}
	state, _ := oteltrace.ParseTraceState(c.State) // an invalid one is dropped
	var flags oteltrace.TraceFlags
	return oteltrace.NewSpanContext(oteltrace.SpanContextConfig{
		TraceID: traceID, SpanID: spanID, TraceFlags: flags.WithSampled(c.Sampled), TraceState: state, Remote: true,
	}), true
}

// ids makes the ids of spans. A trace that the portal began keeps its id, which is in the log.
type ids struct{}

// NewIDs implements [sdk.IDGenerator].
func (g ids) NewIDs(ctx context.Context) (oteltrace.TraceID, oteltrace.SpanID) {
	id, err := oteltrace.TraceIDFromHex(trace.From(ctx).TraceID)
	if err != nil {
		_, _ = rand.Read(id[:]) // never fails
	}
	return id, g.NewSpanID(ctx, id)
}

// NewSpanID implements [sdk.IDGenerator].
func (ids) NewSpanID(context.Context, oteltrace.TraceID) (id oteltrace.SpanID) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}
