package backup

import (
	"errors"
	"fmt"
	"testing"

	"backupportal/function/param"
)

func TestEachResultOfSubmitHasAnOutcome(t *testing.T) {
	counted := map[string]bool{}
	for _, c := range []struct {
		answer Answer
		err    error
		want   string
	}{
		{Answer{Status: StateCreated}, nil, "created"},
		{Answer{Status: StateCreated, Replayed: true}, nil, "replayed"},
		{Answer{Status: StateRefused}, nil, "refused"},
		{Answer{Status: StateRefused, Replayed: true}, nil, "replayed"},
		{Answer{Status: StateUnknown}, nil, "unknown"},
		{Answer{}, param.InvalidError{}, "invalid"},
		{Answer{}, fmt.Errorf("wrapped: %w", &DeniedError{}), "denied"},
		{Answer{}, &LimitError{Err: ErrRequests}, "limited"},
		{Answer{}, &BusyError{Err: ErrInProgress}, "in_progress"},
		{Answer{}, &BusyError{Err: ErrKeyReused}, "key_reused"},
		{Answer{}, &BusyError{Err: ErrNotSent}, "not_sent"},
		{Answer{}, storeUnavailable(errors.New("down")), "store_unavailable"},
		{Answer{}, errors.New("other"), "error"},
	} {
		if got := outcomeOf(c.answer, c.err); got != c.want {
			t.Errorf("%v, %v: %s, want %s", c.answer.Status, c.err, got, c.want)
		}
		counted[c.want] = true
	}
	for _, outcome := range SubmitOutcomes {
		if !counted[outcome] {
			t.Errorf("no case has the outcome %s", outcome)
		}
	}
	if len(counted) != len(SubmitOutcomes) {
		t.Errorf("%d outcomes, want %d", len(counted), len(SubmitOutcomes))
	}
}
