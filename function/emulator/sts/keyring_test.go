package sts

import (
	"testing"
	"time"

	"backupportal/function/emulator/rpc"
)

func TestKeyringRemovesOldSessions(t *testing.T) {
	r, now := Keyring{}, time.Unix(1767323045, 0)
	r.issue(rpc.Identity{}, now, now.Add(time.Hour))
	now = now.Add(time.Hour + ExpiredMemory + time.Second)
	r.issue(rpc.Identity{}, now, now.Add(time.Hour))
	if len(r.byToken) != 1 || len(r.byKey) != 1 {
		t.Errorf("%d tokens and %d keys are remembered", len(r.byToken), len(r.byKey))
	}
}
