package trace

import (
	"context"
	"strconv"
	"sync"
	"time"
)

// maxSpans is the maximum number of spans that are kept for a request. The platforms limit the length of a log
// line. Further spans are only counted.
const maxSpans = 40

// Spans are the finished spans of one request. [WithSpans] makes them. They are safe for concurrent use.
type Spans struct {
	began time.Time

	mu   sync.Mutex
	all  []span
	more int // number of spans that were not kept
}

// A span is one finished part of a request.
type span struct {
	name, result string
	at           time.Duration // from the start of the request to the start of the span
	took         time.Duration // duration of the span
}

type spansKey struct{}

// WithSpans returns a copy of ctx that collects spans, and the Spans into which [Ended] adds them. It must be called
// at the start of a request.
func WithSpans(ctx context.Context) (context.Context, *Spans) {
	s := &Spans{began: time.Now()}
	return context.WithValue(ctx, spansKey{}, s), s
}

// Ended adds a span, a part of the request of ctx that began at the given time and ends now. name and result must be
// constants or names of the configuration, never texts of a request; result may be empty. Without [WithSpans], Ended
// has no effect.
func Ended(ctx context.Context, name, result string, began time.Time) {
	s, ok := ctx.Value(spansKey{}).(*Spans)
	if !ok {
		return
	}
	took := time.Since(began)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == maxSpans {
		s.more++
		return
	}
	s.all = append(s.all, span{name: name, result: result, at: began.Sub(s.began), took: took})
}

// A Span is a request or a part of one.
type Span struct {
	Name, Result string
	Began, Ended time.Time
}

// An Exporter hands the spans of requests on to a tracing system. It is safe for concurrent use.
type Exporter interface {
	// Export hands on a request that has ended, in the trace of ctx, and its parts. It may wait for the tracing
	// system, for a short time and at most until the deadline of ctx. It returns no error: a lost span is no failure
	// of the request.
	Export(ctx context.Context, request Span, parts []Span)
}

// Export passes the request, which ends now, and its spans to an exporter. name is a constant or a name of the
// configuration, and result is one word. A nil exporter gets nothing.
func (s *Spans) Export(ctx context.Context, to Exporter, name, result string) {
	if to == nil {
		return
	}
	request := Span{Name: name, Result: result, Began: s.began, Ended: time.Now()}
	s.mu.Lock()
	parts := make([]Span, len(s.all))
	for i, one := range s.all {
		began := s.began.Add(one.at)
		parts[i] = Span{Name: one.name, Result: one.result, Began: began, Ended: began.Add(one.took)}
	}
	s.mu.Unlock()
	to.Export(ctx, request, parts)
}

// IsEmpty reports whether no span has ended yet.
func (s *Spans) IsEmpty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all) == 0
}

// MarshalJSON returns a JSON array of the spans, in the order in which they ended. Each span is an object with the
// members name, at_ms (from the start of the request), ms (the duration) and, if it is not empty, result. If some
// spans were not kept, a last object has the only member left_out, their number.
func (s *Spans) MarshalJSON() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := append(make([]byte, 0, 64*(len(s.all)+1)), '[')
	for i, one := range s.all {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, `{"name":`...)
		text = strconv.AppendQuoteToASCII(text, one.name)
		text = append(text, `,"at_ms":`...)
		text = appendMillis(text, one.at)
		text = append(text, `,"ms":`...)
		text = appendMillis(text, one.took)
		if one.result != "" {
			text = append(text, `,"result":`...)
			text = strconv.AppendQuoteToASCII(text, one.result)
		}
		text = append(text, '}')
	}
	if s.more > 0 {
		text = append(text, `,{"left_out":`...)
		text = strconv.AppendInt(text, int64(s.more), 10)
		text = append(text, '}')
	}
	return append(text, ']'), nil
}

// appendMillis appends d in milliseconds with three decimals.
func appendMillis(text []byte, d time.Duration) []byte {
	return strconv.AppendFloat(text, float64(d)/float64(time.Millisecond), 'f', 3, 64)
}
