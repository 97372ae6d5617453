package store

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/secret"
	"backupportal/function/store/postgrestest"
	"backupportal/function/store/storetest"
)

// TestURLCannotTurnDurabilityOff proves that a URL is refused if it sets synchronous_commit to a
// level that can lose commits.
func TestURLCannotTurnDurabilityOff(t *testing.T) {
	for level, want := range map[string]bool{"on": true, "remote_apply": true, "off": false, "local": false, "remote_write": false, "": false, "OFF": false} {
		_, err := Open(Config{URL: secret.New("postgres://portal@127.0.0.1:1/portal?synchronous_commit=" + level)})
		if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "synchronous_commit") {
			t.Errorf("synchronous_commit=%s: %v", level, err)
		}
	}
}

// TestConnectionWithoutDurabilityIsNotReady changes synchronous_commit on an open connection, as a
// pooler may do. Ready reports the change, and so does the first use of the database.
func TestConnectionWithoutDurabilityIsNotReady(t *testing.T) {
	db, err := Open(Config{URL: secret.New(postgrestest.Schema(t)), Connections: 1, StatementTime: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := db.Durability(); got != DurableHere || db.MayForget() {
		t.Errorf("a server on this machine: %s", got)
	}
	for _, level := range []string{"off", "local", "remote_write"} {
		if _, err := db.db.Exec("SET synchronous_commit = " + level); err != nil {
			t.Fatal(err)
		}
		if err := db.Ready(t.Context()); !errors.Is(err, ErrDurability) {
			t.Errorf("%s: %v", level, err)
		}
		db.connected = false
		if _, err := db.Find(t.Context(), "x"); !errors.Is(err, ErrDurability) {
			t.Errorf("%s at the start: %v", level, err)
		}
	}
	db.dialect.local = false
	if !db.MayForget() {
		t.Error("a server elsewhere without a standby does not forget")
	}
	db.standby = "ANY 1 (*)"
	if db.MayForget() || db.Durability() != DurableStandby {
		t.Error("a server elsewhere with a synchronous standby forgets")
	}
}

// TestLockedFileIsNotReady proves that Ready returns an error while another process holds the write
// lock of the SQLite file, because no submission can be recorded then.
func TestLockedFileIsNotReady(t *testing.T) {
	path := filepath.Join(t.TempDir(), "portal.db")
	db, err := Open(Config{URL: secret.New("sqlite:" + path), StatementTime: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	holder, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := holder.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	if err := db.Ready(t.Context()); err == nil {
		t.Error("ready while another process holds the lock")
	}
	if _, err := holder.ExecContext(context.WithoutCancel(t.Context()), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := db.Ready(t.Context()); err != nil {
		t.Errorf("after the lock: %v", err)
	}
}

// TestNoDecisionWithoutDurability changes synchronous_commit after the connection was checked,
// as another connection of a transaction pooler may have it. It proves that no submission and
// no attempt is stored then, because they could be lost. The result of a call is stored,
// because without it even less would be known.
func TestNoDecisionWithoutDurability(t *testing.T) {
	db, err := Open(Config{URL: secret.New(postgrestest.Schema(t)), Connections: 1, StatementTime: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	set := func(level string) {
		t.Helper()
		if _, err := db.db.Exec("SET synchronous_commit = " + level); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	attempt := backup.Step{N: 0, Kind: backup.StepAttempt, Owner: "a", At: storetest.Start, Until: storetest.Start}
	for i, level := range []string{"off", "local", "remote_write", "remote_apply", "on"} {
		durable := level == "on" || level == "remote_apply"
		r := storetest.Record(i)
		set(level)
		_, ours, err := db.Claim(t.Context(), r)
		if ours != durable || errors.Is(err, ErrDurability) == durable {
			t.Errorf("%s: a claim: %t, %v", level, ours, err)
		}
		set("on")
		if _, _, err := db.Claim(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		set(level)
		ours, err = db.Append(t.Context(), r.SubmissionID, attempt)
		if ours != durable || errors.Is(err, ErrDurability) == durable {
			t.Errorf("%s: an attempt: %t, %v", level, ours, err)
		}
		set("on")
		if _, err := db.Append(t.Context(), r.SubmissionID, attempt); err != nil {
			t.Fatal(err)
		}
		set(level)
		result := backup.Step{N: 1, Kind: backup.StepCreated, Owner: "a", At: storetest.Start, JobID: "job-1"}
		if ours, err := db.Append(t.Context(), r.SubmissionID, result); !ours || err != nil {
			t.Errorf("%s: the result of a call: %t, %v", level, ours, err)
		}
	}
}
