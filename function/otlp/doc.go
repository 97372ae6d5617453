// Package otlp exports the spans of requests by the OpenTelemetry protocol over HTTP.
//
// Only a program that was built with the tag otel contains more than this comment. The environment variables of the
// OpenTelemetry SDK configure it, such as OTEL_EXPORTER_OTLP_ENDPOINT.
package otlp
