package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/event/runtimetest"
	"backupportal/function/store/postgrestest"
)

// The timer of s.yaml and the same order as a raw event both sweep; anything
// beside the order makes it a submission, and a wrong one.
func TestTimerBringsTheHistoryUpToDate(t *testing.T) {
	g := onFC(t, runtimetest.FCTrigger{})
	if res := g.fc.Invoke(t.Context(), []byte(kinds[0].json)); res.Failed() {
		t.Fatalf("%s %s", res.Body, res.ErrorMessage)
	}
	g.ahead.Store(int64(time.Minute))
	timer := `{"triggerTime":"2026-11-23T09:00:00Z","triggerName":"sweep","payload":"{\"sweep\":true}"}`
	res := g.fc.Invoke(t.Context(), []byte(timer))
	if res.Failed() || !strings.Contains(string(res.Body), `"answer":{"Open":1,"Resolved":0,"Refreshed":1,"Forgotten":0}`) {
		t.Errorf("timer: %s %s", res.Body, res.ErrorMessage)
	}
	if _, body := g.get("/api/v1/backup-jobs?Status=COMPLETE"); !strings.Contains(body, `"Progress":10000`) {
		t.Errorf("nobody has looked, and the history says %s", body)
	}
	if res := g.fc.Invoke(t.Context(), []byte(`{"sweep":true}`)); string(res.Body) != `{"Open":0,"Resolved":0,"Refreshed":0,"Forgotten":0}` {
		t.Errorf("raw event: %s %s", res.Body, res.ErrorMessage)
	}
	for _, wrong := range []string{`{"sweep":false}`, `{"sweep":true,"key":"x"}`, `{"sweep":"true"}`} {
		if res := g.fc.Invoke(t.Context(), []byte(wrong)); !strings.Contains(string(res.Body), "urn:backup-portal:problem:invalid") {
			t.Errorf("%s: %s %s", wrong, res.Body, res.ErrorMessage)
		}
	}
	if n := len(g.calls("CreateBackupJob")); n != 1 {
		t.Errorf("CreateBackupJob was called %d times", n)
	}
}

func TestPlainServerSweepsByItself(t *testing.T) {
	sweeps := make(chan struct{})
	p := portal{log: discard(), sweep: func(ctx context.Context) (backup.Swept, error) {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("a sweep has no end")
		}
		sweeps <- struct{}{}
		return backup.Swept{}, backup.ErrStoreAway // the next one may do better
	}}
	stop := background(t.Context(), func(ctx context.Context) { sweepEvery(ctx, p, time.Millisecond) })
	<-sweeps
	<-sweeps
	stopped := make(chan struct{})
	go func() {
		stop()
		close(stopped)
	}()
	for {
		select {
		case <-sweeps:
		case <-stopped:
			return
		}
	}
}

func TestMigrateMakesTheSchemaAndSaysSo(t *testing.T) {
	for name, url := range map[string]string{
		"sqlite":   "sqlite:" + filepath.Join(t.TempDir(), "portal.db"),
		"postgres": postgrestest.Start(t).Schema(t),
	} {
		for _, want := range []string{name + ": the schema went from version 0 to 1\n", name + ": the schema is at version 1 already\n"} {
			var out strings.Builder
			if err := run([]string{"migrate"}, env("DATABASE_URL", url), &out); err != nil || out.String() != want {
				t.Errorf("%s: %q, %v; want %q", name, out.String(), err, want)
			}
		}
	}
	if err := run([]string{"migrate"}, env("DATABASE_URL", "mysql://x"), &strings.Builder{}); err == nil {
		t.Error("another kind of database was migrated")
	}
}
