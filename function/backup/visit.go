package backup

import (
	"context"
	"strings"
)

// A Visit is what is known of the request that something is done for.
type Visit struct {
	RequestID string // the platform's
	Trace     string // the trace id of a well-formed traceparent header
	Door      Door
	ClientIP  string // as the platform says, or the peer's on a plain server; empty if neither is known
	UserAgent string // cut
}

// WithVisit returns a context that carries v.
func WithVisit(ctx context.Context, v Visit) context.Context {
	return context.WithValue(ctx, visitKey{}, v)
}

// VisitOf returns what ctx carries; the zero value if it carries nothing.
func VisitOf(ctx context.Context) Visit {
	v, _ := ctx.Value(visitKey{}).(Visit)
	return v
}

type visitKey struct{}

// TraceID is the trace id of a traceparent header (W3C Trace Context, version
// 00), or empty if that is not well-formed.
func TraceID(traceparent string) string {
	parts := strings.Split(traceparent, "-")
	if len(parts) != 4 || parts[0] != "00" || !isHex(parts[1], 32) || !isHex(parts[2], 16) || !isHex(parts[3], 2) ||
		strings.Trim(parts[1], "0") == "" || strings.Trim(parts[2], "0") == "" {
		return ""
	}
	return parts[1]
}

func isHex(s string, length int) bool {
	return len(s) == length && strings.Trim(s, "0123456789abcdef") == ""
}
