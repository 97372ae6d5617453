package trace

import (
	"context"
	"strconv"
	"sync"
	"time"
)

// maxSpans is how many spans of a request are kept. A log line has a limit on the platforms.
const maxSpans = 40

// Spans are the finished spans of one request. [WithSpans] makes them. They are safe for concurrent use.
type Spans struct {
	began time.Time

	mu   sync.Mutex
	all  []span
	more int // spans that were not kept
}

// A span is one part of a request.
type span struct {
	name, result string
	at, took     time.Duration // start of the span after the begin of the request, and its duration
}

type spansKey struct{}

// WithSpans returns a context that collects the spans of a request that begins now.
func WithSpans(ctx context.Context) (context.Context, *Spans) {
	s := &Spans{began: time.Now()}
	return context.WithValue(ctx, spansKey{}, s), s
}

// Ended adds a span to the request of ctx: a part with this name began at the given time and ends now. name
// and result are constants or names of the configuration; result may be empty. Without [WithSpans] it has
// no effect.
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

// IsEmpty reports whether there is no span.
func (s *Spans) IsEmpty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all) == 0
}

// MarshalJSON returns the spans in the order in which they ended: an array of objects with the members
// name, at_ms, ms and result, which is left out if it is empty. If spans were not kept, the last object has
// the member left_out with their number.
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
