package app

import (
	"strings"
	"testing"
)

// TestDifferentEventsHaveDifferentKeys proves that two different events never get the same
// idempotency key, so that none gets the other's answer. It also proves that no event gets a
// key that a sender can choose itself; such keys contain no NUL.
func TestDifferentEventsHaveDifferentKeys(t *testing.T) {
	parts := []string{"", "a", "b", "c", "a\x00b", "b\x00c", "\x00", "\x00\x00", "a\x00", "\x00a", "a\x00b\x00c", "源", "a/b", "\x00\x00\x00\x01a"}
	for _, pair := range [][2]string{{"c", "d"}, {"a\x00b", "c"}} {
		parts = append(parts, messageKey(pair[0], pair[1])) // a key as a part of another
	}
	seen := map[string][2]string{}
	for _, source := range parts {
		for _, id := range parts {
			key := messageKey(source, id)
			if other, ok := seen[key]; ok {
				t.Errorf("%q and %q have one key", other, [2]string{source, id})
			}
			seen[key] = [2]string{source, id}
			if !strings.Contains(key, "\x00") {
				t.Errorf("a sender can choose the key of %q, %q", source, id)
			}
		}
	}
}

// TestOrdinaryEventsKeepTheirKeys proves that an event gets the same idempotency key as in
// earlier versions of the program. It may be delivered again after an update, and must not
// start a second backup.
func TestOrdinaryEventsKeepTheirKeys(t *testing.T) {
	if got := messageKey("acs.oss", "45ef4d/x"); got != "acs.oss\x0045ef4d/x" {
		t.Errorf("key %q", got)
	}
}
