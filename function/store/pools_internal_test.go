package store

import (
	"testing"

	"backupportal/function/secret"
	"backupportal/function/store/postgrestest"
)

// TestChangesHaveTheirOwnConnections proves that a store with enough connections reserves some
// of them for changes, and one with few connections shares them. Opening does not connect.
func TestChangesHaveTheirOwnConnections(t *testing.T) {
	const address = "postgres://user:password@127.0.0.1/name"
	for _, c := range []struct{ connections, reads, writes int }{
		{0, 2, 2}, {1, 1, 1}, {2, 2, 2}, {3, 3, 3}, // one pool
		{4, 2, 2}, {5, 2, 3}, {8, 4, 4}, {9, 4, 5},
	} {
		db, err := Open(Config{URL: secret.New(address), Connections: c.connections})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		reads, writes := db.db.Stats().MaxOpenConnections, db.writes.Stats().MaxOpenConnections
		if reads != c.reads || writes != c.writes || (db.db == db.writes) != (c.connections < fewestSplit) {
			t.Errorf("%d connections: %d for reads, %d for changes, one pool: %v", c.connections, reads, writes, db.db == db.writes)
		}
	}
}

// TestAChangeDoesNotWaitForReads proves that a change succeeds while reads hold all connections
// of their pool, because changes have a pool of their own.
func TestAChangeDoesNotWaitForReads(t *testing.T) {
	db, err := Open(Config{URL: secret.New(postgrestest.Schema(t)), Connections: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range db.db.Stats().MaxOpenConnections {
		held, err := db.db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer held.Close()
	}
	if err := db.Ready(t.Context()); err != nil { // checks by a change
		t.Error(err)
	}
}
