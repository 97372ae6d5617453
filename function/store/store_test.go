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
	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/function/store/postgrestest"
	"backupportal/function/store/storetest"
)

// Most tests wait for a server or for a time to run out, not for a processor.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	os.Exit(postgrestest.Run(m))
}

// patience is the time of a statement in tests that are not about it: on a busy
// machine 64 writers that take turns need more than the usual 5 seconds. It only
// ends a test that hangs.
const patience = 2 * time.Minute

// open opens a store that ends with the test and gives statements time.
func open(t testing.TB, url string) *store.DB {
	t.Helper()
	if strings.HasPrefix(url, "postgres") {
		url += fmt.Sprintf("&statement_timeout=%[1]d&lock_timeout=%[1]d", patience.Milliseconds())
	}
	return opened(t, store.Config{URL: secret.New(url), Connections: 8, StatementTime: patience})
}

// openUsual is open with the usual time of a statement, for tests about it.
func openUsual(t testing.TB, url string) *store.DB {
	t.Helper()
	return opened(t, store.Config{URL: secret.New(url), Connections: 8})
}

func opened(t testing.TB, cfg store.Config) *store.DB {
	t.Helper()
	db, err := store.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// file is the address of a SQLite database that is not there yet.
func file(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "a b?#%.db") }

func TestSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) backup.Store { return open(t, file(t)) })
	storetest.RunLimits(t, func(t *testing.T) backup.Limits { return open(t, file(t)) })
	storetest.RunAudit(t, func(t *testing.T) storetest.Trail { return open(t, file(t)) })
}

// All ways in which pgx talks to a server pass: some of them are for
// connection poolers.
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
		})
	}
}
