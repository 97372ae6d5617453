// Package trace follows a request through the portal by the W3C Trace Context recommendation.
//
// A sender names its trace in the headers traceparent and tracestate. The portal writes the trace id into
// each log line of the request, and hands the trace on in what the request causes. A request without a
// valid traceparent begins a trace of its own.
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

// A Context identifies a trace, and the span of it that is the parent of what comes next. The zero Context
// is no trace.
type Context struct {
	TraceID string // 32 hexadecimal digits in lower case, not all 0
	SpanID  string // 16 hexadecimal digits in lower case, not all 0
	Sampled bool   // the sender records the trace
	State   string // the value of tracestate, of other systems; handed on as it is
}

// New returns the beginning of a new trace, which is not sampled.
func New() Context { return Context{TraceID: randomHex(16), SpanID: randomHex(8)} }

// Child returns c with a new span id: the parent of what this process causes.
func (c Context) Child() Context {
	c.SpanID = randomHex(8)
	return c
}

// randomHex returns n random bytes in hexadecimal digits. 8 or more of them are never all 0 in practice.
func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// IsZero reports whether c is no trace.
func (c Context) IsZero() bool { return c.TraceID == "" }

// Parent returns c as the value of a header traceparent, in version 00. It is empty for the zero Context.
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

// String returns c as one text, which [Read] reads: the values of the two headers, with a space between
// them if there is a state.
func (c Context) String() string { return strings.TrimSpace(c.Parent() + " " + c.State) }

// Read reads a text of [Context.String]. It returns the zero Context for any other text.
func Read(text string) Context {
	parent, state, _ := strings.Cut(text, " ")
	c, _ := Parse([]string{parent}, []string{state})
	return c
}

// Parse reads the headers traceparent and tracestate of a request (W3C Trace Context, section 3). ok is
// false if there is not exactly one valid traceparent. An invalid tracestate is dropped, as the
// recommendation says.
func Parse(parents, states []string) (c Context, ok bool) {
	if len(parents) != 1 {
		return Context{}, false
	}
	p := parents[0]
	// A later version has the same fields, and may have more of them after another hyphen.
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

// Limits of a tracestate (section 3.3.1.1, and 3.3.1.5 for the length that must be handed on).
const (
	maxMembers = 32
	maxState   = 512 // characters
)

// member matches one member of a tracestate: a key, "=" and a value (section 3.3.1.3).
var member = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\A([a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})=[ -+\--<>-~]{0,255}[!-+\--<>-~]\z`)
})

// isState reports whether s is a valid tracestate that is short enough to be handed on. Empty members are
// allowed, and keys must differ.
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
