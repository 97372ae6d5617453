package store_test

import (
	"testing"
	"time"

	"backupportal/function/store"
	"backupportal/function/store/postgrestest"
)

// TestRevoked proves that all instances that share the database see that a session was ended. They
// see it until the time at which the session would have expired. Threat T16.
func TestRevoked(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { testRevoked(t, open(t, file(t))) })
	t.Run("PostgreSQL", func(t *testing.T) { testRevoked(t, open(t, postgrestest.Schema(t))) })
}

func testRevoked(t *testing.T, db *store.DB) {
	now := time.Now().Round(0)
	check := func(sid string, want bool) {
		t.Helper()
		if ended, err := db.Revoked(t.Context(), sid); err != nil || ended != want {
			t.Errorf("Revoked(%q) = %v, %v", sid, ended, err)
		}
	}
	check("one", false)
	for range 2 { // a second Revoke of a session has no effect
		if err := db.Revoke(t.Context(), "one", now.Add(time.Hour), now); err != nil {
			t.Fatal(err)
		}
	}
	check("one", true)
	check("other", false)
	if err := db.Revoke(t.Context(), "other", now.Add(9*time.Hour), now.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	check("one", false) // the row is deleted because the session has expired
	check("other", true)
	if _, err := db.Revoked(t.Context(), "a\x00b"); err == nil {
		t.Error("took a zero byte")
	}
}
