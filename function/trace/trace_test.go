package trace_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"backupportal/function/trace"
)

const (
	id   = "0af7651916cd43dd8448eb211c80319c"
	span = "b7ad6b7169203331"
)

func TestParseReadsAValidParent(t *testing.T) {
	for header, sampled := range map[string]bool{
		"00-" + id + "-" + span + "-00":       false,
		"00-" + id + "-" + span + "-01":       true,
		"00-" + id + "-" + span + "-ff":       true,  // other flags are ignored
		"00-" + id + "-" + span + "-02":       false, // the flag of random trace ids
		"01-" + id + "-" + span + "-01":       true,  // a later version
		"cc-" + id + "-" + span + "-01-what":  true,
		"cc-" + id + "-" + span + "-00-a-b-c": false,
	} {
		want := trace.Context{TraceID: id, SpanID: span, Sampled: sampled}
		if got, ok := trace.Parse([]string{header}, nil); !ok || got != want {
			t.Errorf("%q: %+v, %v", header, got, ok)
		}
	}
}

func TestParseRefusesAnInvalidParent(t *testing.T) {
	valid := "00-" + id + "-" + span + "-01"
	for _, headers := range [][]string{
		nil,
		{""},
		{valid, valid},
		{valid + "," + valid},
		{" " + valid},
		{valid + "-"},
		{valid + "-x"},
		{valid + " "},
		{valid[:54]},
		{"ff" + valid[2:]},
		{"0x" + valid[2:]},
		{"cc" + valid[2:] + "."},
		{"cc" + valid[2:] + "what"},
		{"00-" + strings.ToUpper(id) + "-" + span + "-01"},
		{"00-" + id + "-" + strings.ToUpper(span) + "-01"},
		{"00-" + id + "-" + span + "-0G"},
		{"00-" + id + "-" + span + "-1F"},
		{"00-" + strings.Repeat("0", 32) + "-" + span + "-01"},
		{"00-" + id + "-" + strings.Repeat("0", 16) + "-01"},
		{"00-" + id[:31] + "\n-" + span + "-01"},
		{"00-" + id[:31] + "-" + span + "0-01"},
		{"00_" + id + "-" + span + "-01"},
		{"00-" + id + "_" + span + "-01"},
		{"00-" + id + "-" + span + "_01"},
	} {
		if got, ok := trace.Parse(headers, []string{"a=1"}); ok || !got.IsZero() {
			t.Errorf("%q: %+v, %v", headers, got, ok)
		}
	}
}

func TestParseDropsAnInvalidState(t *testing.T) {
	many := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("k%d=v", i))
		}
		return strings.Join(all, ",")
	}
	for state, valid := range map[string]bool{
		"congo=t61rcWkgMzE":                    true,
		"rojo=00f067aa0ba902b7, congo=t61 rcW": true,
		"fw529a3039@dt=FfAAA,,":                true,
		"a=b ,b=c":                             true,
		many(32):                               true,
		many(33):                               false,
		"":                                     false,
		",":                                    false,
		"a":                                    false,
		"a=":                                   false,
		"A=b":                                  false,
		"a=b=c":                                false,
		"a=1,a=2":                              false,
		"a=b\nc":                               false,
		"a=é":                                  false,
		"1a=b":                                 false,
		"1a@b=c":                               true,
		"a=" + strings.Repeat("x", 510):        false,
	} {
		c, ok := trace.Parse([]string{"00-" + id + "-" + span + "-01"}, []string{state})
		if !ok || (c.State != "") != valid || valid && c.State != state {
			t.Errorf("%q: %q, %v", state, c.State, ok)
		}
	}
	if c, _ := trace.Parse([]string{"00-" + id + "-" + span + "-01"}, []string{"a=1", "b=2"}); c.State != "a=1,b=2" {
		t.Errorf("two headers: %q", c.State)
	}
}

func TestReadReadsWhatStringWrites(t *testing.T) {
	for _, c := range []trace.Context{
		{},
		{TraceID: id, SpanID: span},
		{TraceID: id, SpanID: span, Sampled: true, State: "a=b c,d=e"},
	} {
		if got := trace.Read(c.String()); got != c {
			t.Errorf("%q: %+v, want %+v", c.String(), got, c)
		}
	}
	if got := trace.Read("no trace"); !got.IsZero() {
		t.Errorf("%+v", got)
	}
}

func TestNewTracesAreValidAndDiffer(t *testing.T) {
	one, other := trace.New(), trace.New()
	want := one
	want.Begun = false // the next system did not begin it
	if got, ok := trace.Parse([]string{one.Parent()}, nil); !ok || got != want || !one.Begun {
		t.Errorf("%+v, %v, want %+v", got, ok, want)
	}
	if one.TraceID == other.TraceID || one.SpanID == other.SpanID {
		t.Error("two traces are equal")
	}
	if child := one.Child(); child.TraceID != one.TraceID || child.SpanID == one.SpanID {
		t.Errorf("child %+v of %+v", child, one)
	}
}

func TestSpansAreWrittenAsJSON(t *testing.T) {
	ctx, spans := trace.WithSpans(t.Context())
	if !spans.IsEmpty() {
		t.Error("spans at the begin")
	}
	trace.Ended(ctx, "store claim", "", time.Now().Add(-time.Second))
	trace.Ended(t.Context(), "elsewhere", "", time.Now())
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { trace.Ended(ctx, `cloud "x"`, "success", time.Now()) })
	}
	all.Wait()
	var got []struct {
		Name, Result string
		At           float64 `json:"at_ms"`
		Took         float64 `json:"ms"`
		LeftOut      int     `json:"left_out"`
	}
	text, err := json.Marshal(spans)
	if err == nil {
		err = json.Unmarshal(text, &got)
	}
	if err != nil || len(got) != 41 {
		t.Fatalf("%d objects, %v: %s", len(got), err, text)
	}
	if got[0].Name != "store claim" || got[0].Result != "" || got[0].Took < 1000 || got[0].At > -900 {
		t.Errorf("the first span: %+v", got[0])
	}
	if got[1].Name != `cloud "x"` || got[1].Result != "success" || got[40].LeftOut != 11 {
		t.Errorf("the other spans: %+v", got[1:])
	}
}
