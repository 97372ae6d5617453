package store_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/batch"
	"backupportal/function/draft"
	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/function/store/postgrestest"
	"backupportal/function/store/storetest"
)

// TestMain allows more parallel tests than there are processors, because most tests wait for a
// server or for a time limit and not for a processor.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	os.Exit(postgrestest.Run(m))
}

// patience is the time of a statement in tests that do not test time limits. On a busy machine, 64
// writers that take turns need more than the default of 5 seconds.
const patience = 2 * time.Minute

// open opens a store with a long time for each statement. It closes the store at the end of the
// test.
func open(t testing.TB, url string) *store.DB {
	t.Helper()
	if strings.HasPrefix(url, "postgres") {
		url += fmt.Sprintf("&statement_timeout=%[1]d&lock_timeout=%[1]d", patience.Milliseconds())
	}
	return openConfig(t, store.Config{URL: secret.New(url), Connections: 8, StatementTime: patience})
}

// openUsual opens a store with the default time limit for a statement (Config.StatementTime),
// for tests of time limits.
func openUsual(t testing.TB, url string) *store.DB {
	t.Helper()
	return openConfig(t, store.Config{URL: secret.New(url), Connections: 8})
}

// openConfig opens a store that is closed at the end of the test.
func openConfig(t testing.TB, cfg store.Config) *store.DB {
	t.Helper()
	db, err := store.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// file returns the URL of a SQLite database that does not exist yet. The name of the file contains
// characters that must be escaped.
func file(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "a b?#%.db") }

func TestSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) backup.Store { return open(t, file(t)) })
	storetest.RunLimits(t, func(t *testing.T) backup.Limits { return open(t, file(t)) })
	storetest.RunAudit(t, func(t *testing.T) storetest.Trail { return open(t, file(t)) })
	storetest.RunDrafts(t, func(t *testing.T) draft.Store { return open(t, file(t)) })
	storetest.RunBatches(t, func(t *testing.T) batch.Store { return open(t, file(t)) })
}

// TestPostgreSQL runs the suite in every mode in which pgx can send statements. Connection poolers
// need some of these modes.
func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) backup.Store {
				return open(t, postgrestest.Schema(t)+"&default_query_exec_mode="+mode)
			})
			storetest.RunLimits(t, func(t *testing.T) backup.Limits {
				return open(t, postgrestest.Schema(t)+"&default_query_exec_mode="+mode)
			})
			storetest.RunAudit(t, func(t *testing.T) storetest.Trail {
				return open(t, postgrestest.Schema(t)+"&default_query_exec_mode="+mode)
			})
			storetest.RunDrafts(t, func(t *testing.T) draft.Store {
				return open(t, postgrestest.Schema(t)+"&default_query_exec_mode="+mode)
			})
			storetest.RunBatches(t, func(t *testing.T) batch.Store {
				return open(t, postgrestest.Schema(t)+"&default_query_exec_mode="+mode)
			})
		})
	}
}
