//go:build otel

package app

import (
	"context"
	"log/slog"
	"os"

	"backupportal/function/otlp"
	"backupportal/function/trace"
)

// newExporter returns the exporter of spans, and the function that ends it. Without the URL of a collector, and with
// OTEL_SDK_DISABLED=true or OTEL_TRACES_EXPORTER=none, there is none. The OpenTelemetry SDK reads its variables itself.
func newExporter(cfg Config, log *slog.Logger) (trace.Exporter, func(context.Context) error, error) {
	off := os.Getenv("OTEL_SDK_DISABLED") == "true" || os.Getenv("OTEL_TRACES_EXPORTER") == "none"
	if off || os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")+os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return nil, func(context.Context) error { return nil }, nil
	}
	e, err := otlp.New(context.Background(), Build(), cfg.Platform != PlainServer, log)
	if err != nil {
		return nil, nil, err
	}
	return e, e.Close, nil
}
