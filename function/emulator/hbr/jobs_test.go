package hbr

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"backupportal/function/emulator/lifecycle"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// TestCanceledJobMakesNoProgress proves that a job that is canceled at any time makes no more
// progress and ends as CANCELED. A job that has ended before keeps its state.
func TestCanceledJobMakesNoProgress(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := jobStore{}
		o := &order{params: rpc.Params{"SourceType": rapid.SampledFrom([]string{"UDM_ECS", "ECS_FILE"}).Draw(t, "type")}, caller: &world.Account{ID: "1"}}
		o.source.bytes = rapid.Int64Range(1, 1<<45).Draw(t, "bytes")
		k := &rpc.Call{At: time.Unix(1767323045, 0), Caller: rpc.Identity{Account: o.caller}}
		duration := time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "duration"))
		id := e.start(k, o, lifecycle.Plan{Duration: duration, Outcome: lifecycle.Outcome{Status: rapid.SampledFrom(lifecycle.Outcomes).Draw(t, "outcome")}})
		moment := k.At.Add(time.Duration(rapid.Int64Range(0, 2*int64(duration)).Draw(t, "when")))
		before := e.all()[0].Schedule.At(moment)
		if got, want := e.cancel(id, moment), !before.Over(); got != want {
			t.Fatalf("canceled: %v at %+v", got, before)
		}
		for _, later := range []time.Duration{0, time.Second, time.Hour, 24 * time.Hour} {
			st := e.all()[0].Schedule.At(moment.Add(later))
			if st.Progress != before.Progress || st.Done != before.Done {
				t.Fatalf("from %+v to %+v", before, st)
			}
		}
		last := e.all()[0].Schedule.At(moment.Add(24 * time.Hour)).Status
		if before.Over() && last != before.Status || !before.Over() && last != "CANCELED" {
			t.Fatalf("from %s to %s", before.Status, last)
		}
	})
}
