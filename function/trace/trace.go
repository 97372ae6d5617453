// Package trace propagates the traces of requests by the W3C Trace Context recommendation.
//
// The headers traceparent and tracestate of a request identify its trace. The portal writes the trace id into each
// log line of the request, and propagates the trace to the messages that the request causes. A request without a
// valid traceparent starts a new trace.
//
// The spans of a request are the durations of its parts. They are collected in memory and are written into
// the log line of the request; see [Spans].
package trace

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"strings"
	"sync"
)

// A Context identifies a trace and, within the trace, the parent of the next spans. The zero Context means that there
// is no trace.
type Context struct {
	TraceID string // 32 hexadecimal digits in lower case, not all 0
	SpanID  string // 16 hexadecimal digits in lower case, not all 0
	Sampled bool   // the sampled flag: the sender may record the trace
	State   string // the value of tracestate, which belongs to other systems; propagated unchanged; may be empty
	Begun   bool   // [New] made it: SpanID is the id of no span
}

// New returns a new trace with random ids. It is not sampled.
func New() Context { return Context{TraceID: randomHex(16), SpanID: randomHex(8), Begun: true} }

// Child returns c with a new random span id. This process propagates the child, so that the new span is the parent of
// the spans in other systems.
func (c Context) Child() Context {
	c.SpanID = randomHex(8)
	return c
}

// randomHex returns n random bytes as hexadecimal digits. n must be at least 8, so that the bytes are never all 0 in
// practice: the recommendation forbids such ids.
func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// IsZero reports whether there is no trace.
func (c Context) IsZero() bool { return c.TraceID == "" }

// Parent returns the value of the header traceparent for c, in version 00. It returns "" for the zero Context.
func (c Context) Parent() string {
	if c.IsZero() {
		return ""
	}
	flags := "-00"
	if c.Sampled {
		flags = "-01"
	}
	return "00-" + c.TraceID + "-" + c.SpanID + flags
}

// String returns c as one text, which [Read] can parse: the value of traceparent and, if c has a State, a space and
// the State. It returns "" for the zero Context.
func (c Context) String() string { return strings.TrimSpace(c.Parent() + " " + c.State) }

// Read parses a text that [Context.String] returned. It returns the zero Context for any other text.
func Read(text string) Context {
	parent, state, _ := strings.Cut(text, " ")
	c, _ := Parse([]string{parent}, []string{state})
	return c
}

// Parse parses the values of the headers traceparent and tracestate of a request (W3C Trace Context, section 3). ok
// is false, and c is zero, unless there is exactly one traceparent and it is valid. An invalid tracestate is dropped,
// as the recommendation requires.
func Parse(parents, states []string) (c Context, ok bool) {
	if len(parents) != 1 {
		return Context{}, false
	}
	p := parents[0]
	// A later version has the same fields at the same places, and may have further fields after another hyphen.
	if len(p) < 55 || p[2] != '-' || p[35] != '-' || p[52] != '-' {
		return Context{}, false
	}
	version, traceID, spanID, flags := p[:2], p[3:35], p[36:52], p[53:55]
	for _, part := range []string{version, traceID, spanID, flags} {
		if !isHex(part) {
			return Context{}, false
		}
	}
	switch {
	case version == "ff", strings.Trim(traceID, "0") == "", strings.Trim(spanID, "0") == "":
		return Context{}, false
	case len(p) > 55 && (version == "00" || p[55] != '-'):
		return Context{}, false
	}
	last, _ := hex.DecodeString(flags)
	c = Context{TraceID: traceID, SpanID: spanID, Sampled: last[0]&1 == 1}
	if state := strings.Join(states, ","); isState(state) {
		c.State = state
	}
	return c, true
}

// isHex reports whether s has only hexadecimal digits in lower case.
func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

// Limits of a tracestate. A longer one is dropped: the recommendation requires to propagate at least 512 characters
// (section 3.3.1.5).
const (
	maxMembers = 32  // list members (section 3.3.1.1)
	maxState   = 512 // characters
)

// member matches one member of a tracestate: a key, "=" and a value (section 3.3.1.3).
var member = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\A([a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})=[ -+\--<>-~]{0,255}[!-+\--<>-~]\z`)
})

// isState reports whether s is a valid tracestate within the limits. Empty members are allowed, but not only empty
// ones. Two members must not have the same key.
func isState(s string) bool {
	if s == "" || len(s) > maxState {
		return false
	}
	keys := map[string]bool{}
	for one := range strings.SplitSeq(s, ",") {
		one = strings.Trim(one, " \t")
		if one == "" {
			continue
		}
		key, _, _ := strings.Cut(one, "=")
		if !member().MatchString(one) || keys[key] {
			return false
		}
		keys[key] = true
	}
	return len(keys) > 0 && len(keys) <= maxMembers
}

type contextKey struct{}

// With returns a context with the trace c.
func With(ctx context.Context, c Context) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// From returns the trace of ctx, or the zero Context.
func From(ctx context.Context) Context {
	c, _ := ctx.Value(contextKey{}).(Context)
	return c
}
