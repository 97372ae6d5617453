package store_test

import (
	"testing"
	"time"

	"backupportal/function/store/storetest"
)

// TestAskTooLateTakesNoLock proves that a call of StartRefresh that is too late does not wait
// for a writer's lock. When hundreds of pages show one job at the same time, all calls of
// StartRefresh but one are too late.
func TestAskTooLateTakesNoLock(t *testing.T) {
	onBoth(t, func(t *testing.T, address string) {
		db := open(t, address)
		r, _, err := db.Claim(t.Context(), storetest.Record(1))
		if err != nil {
			t.Fatal(err)
		}
		ask := func() (bool, error) {
			return db.StartRefresh(t.Context(), r.SubmissionID, storetest.Start, time.Second)
		}
		if may, err := ask(); err != nil || !may {
			t.Fatalf("the first: %v, %v", may, err)
		}
		holdLock(t, address, "SELECT * FROM job FOR UPDATE")
		if may, err := ask(); err != nil || may {
			t.Errorf("too late, while somebody writes: %v, %v", may, err)
		}
	})
}
