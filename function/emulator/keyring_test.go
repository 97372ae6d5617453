package emulator

import (
	"testing"
	"time"
)

func TestKeyringForgetsSessionsThatEndedLongAgo(t *testing.T) {
	r, now := keyring{}, time.Unix(1767323045, 0)
	r.issue(identity{}, now, now.Add(time.Hour))
	now = now.Add(time.Hour + expiredMemory + time.Second)
	r.issue(identity{}, now, now.Add(time.Hour))
	if len(r.byToken) != 1 || len(r.byKey) != 1 {
		t.Errorf("%d tokens and %d keys are remembered", len(r.byToken), len(r.byKey))
	}
}
