package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/function/store/postgrestest"
	"backupportal/function/store/storetest"
)

// onBoth runs a test on an empty database of each kind.
func onBoth(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, file(t))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, postgrestest.Schema(t))
	})
}

func TestReconnectAfterOutage(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	address := server.Schema(t)
	server.Stop(t, syscall.SIGQUIT)
	db := openUsual(t, address) // Open succeeds while the database is unavailable
	if _, _, err := db.Claim(t.Context(), storetest.Record(1)); err == nil {
		t.Error("a submission was claimed without a database")
	}
	server.Resume(t)
	for n := range 3 { // several outages
		known, ours, err := db.Claim(t.Context(), storetest.Record(n))
		if err != nil || !ours {
			t.Fatalf("claim %d: %v, %v", n, ours, err)
		}
		server.Stop(t, syscall.SIGQUIT)
		if _, err := db.Append(t.Context(), known.SubmissionID, storetest.Step(0, "o")); err == nil {
			t.Error("a step was added without a database")
		}
		if err := db.Ready(t.Context()); err == nil {
			t.Error("ready without a database")
		}
		server.Resume(t)
		if err := db.Ready(t.Context()); err != nil {
			t.Errorf("back again: %v", err)
		}
		if r, err := db.Find(t.Context(), known.SubmissionID); err != nil || r.Last.N != -1 {
			t.Errorf("what was committed: %+v, %v", r, err)
		}
	}
}

// TestHangingDatabaseTimesOut proves that each caller waits only the time of one statement for a
// database that does not answer.
func TestHangingDatabaseTimesOut(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	address := server.Schema(t)
	relay := postgrestest.NewRelay(t, address, 1)
	db := openUsual(t, relay.Through(t, address))
	if err := db.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	relay.Hold()
	// If the 64 claims ran one after the other, they would take more than five minutes. Claims that
	// run at the same time take the time of a few statements, even on a busy machine.
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var all sync.WaitGroup
	for n := range 64 {
		all.Go(func() {
			if _, _, err := db.Claim(ctx, storetest.Record(n)); err == nil {
				t.Error("a submission was claimed")
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		t.Error("callers wait one after the other")
	}
	relay.Release()
	if _, _, err := db.Claim(t.Context(), storetest.Record(100)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// holdLock returns a connection that holds a lock until the connection rolls back or the test ends.
// In SQLite it is the write lock of the file. In PostgreSQL it is the lock that the statement
// inPostgres takes.
func holdLock(t *testing.T, address, inPostgres string) *sql.Conn {
	t.Helper()
	other, err := sql.Open(driver(address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	conn, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lock := []string{"BEGIN IMMEDIATE"}
	if strings.HasPrefix(address, "postgres") {
		lock = []string{"BEGIN", inPostgres}
	}
	for _, statement := range lock {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return conn
}

// TestLockedDatabaseTimesOut proves that a statement waits for a lock of another process for a
// limited time only.
func TestLockedDatabaseTimesOut(t *testing.T) {
	onBoth(t, func(t *testing.T, address string) {
		db := openUsual(t, address)
		if err := db.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		conn := holdLock(t, address, "LOCK TABLE submission IN EXCLUSIVE MODE")
		if _, _, err := db.Claim(t.Context(), storetest.Record(1)); err == nil {
			t.Error("a submission was claimed behind a lock")
		}
		if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
		if _, ours, err := db.Claim(t.Context(), storetest.Record(1)); err != nil || !ours {
			t.Errorf("afterwards: %v, %v", ours, err)
		}
	})
}

// driver returns the arguments of sql.Open for the database of a store.
func driver(address string) (name, source string) {
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		return "sqlite", "file:" + (&url.URL{Path: path}).EscapedPath()
	}
	return "pgx", address
}

// TestFullDatabaseRefusesClaims proves that a submission is refused if the database's disk is
// full. A trigger raises the error that PostgreSQL reports for a full disk (53100), so a client
// cannot see a difference.
func TestFullDatabaseRefusesClaims(t *testing.T) {
	t.Parallel()
	address := postgrestest.Schema(t)
	db := open(t, address)
	if err := db.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	postgrestest.Exec(t, address, `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN RAISE EXCEPTION USING ERRCODE = ''53100'', MESSAGE = ''could not extend file''; END'`,
		`CREATE TRIGGER full_disk BEFORE INSERT ON submission FOR EACH ROW EXECUTE FUNCTION full_disk()`)
	if _, _, err := db.Claim(t.Context(), storetest.Record(1)); err == nil {
		t.Error("a submission was claimed on a full disk")
	}
	postgrestest.Exec(t, address, `DROP TRIGGER full_disk ON submission`)
	if _, ours, err := db.Claim(t.Context(), storetest.Record(1)); err != nil || !ours {
		t.Errorf("with room again: %v, %v", ours, err)
	}
}

// TestConcurrentMigrations starts sixteen instances at the same time on an empty database, and
// proves that one of them creates the schema and all can use it.
func TestConcurrentMigrations(t *testing.T) {
	onBoth(t, func(t *testing.T, address string) {
		var all sync.WaitGroup
		for range 16 {
			db := open(t, address)
			all.Go(func() {
				if err := db.Ready(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		from, to, err := open(t, address).Migrate(t.Context())
		if err != nil || from != to || from < 1 {
			t.Errorf("then from %d to %d, %v", from, to, err)
		}
	})
}

func TestClockSkewRefusesClaims(t *testing.T) {
	onBoth(t, func(t *testing.T, address string) {
		for i, c := range []struct {
			off  time.Duration
			good bool
		}{{0, true}, {3 * time.Second, true}, {-3 * time.Second, true}, {30 * time.Second, false}, {-30 * time.Second, false}, {-48 * time.Hour, false}} {
			off := c.off
			db, err := store.Open(store.Config{
				URL: secret.New(address), Now: func() time.Time { return time.Now().Add(off) }, StatementTime: patience,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			record := storetest.Record(i + 1)
			record.CreatedAt = time.Now().Add(off)
			record.ExpiresAt = record.CreatedAt.Add(backup.KeyExpires)
			_, _, err = db.Claim(t.Context(), record)
			if clock, ok := errors.AsType[*backup.ClockError](err); !c.good && (!ok || (clock.Ahead-off).Abs() > 5*time.Second) {
				t.Errorf("%v off: claim %v", c.off, err)
			}
			if ready := db.Ready(t.Context()); (err == nil) != c.good || (ready == nil) != c.good {
				t.Errorf("%v off: claim %v, ready %v", c.off, err, ready)
			}
			if off = 0; db.Ready(t.Context()) != nil { // a corrected clock is accepted at once
				t.Errorf("%v off, then set right: %v", c.off, db.Ready(t.Context()))
			}
		}
	})
}

func TestDatabaseURLs(t *testing.T) {
	t.Parallel()
	roots := filepath.Join(t.TempDir(), "none.pem")
	for address, want := range map[string]string{ // URL: a part of the expected error, or empty if the URL is valid
		"":                          "must be postgres://",
		"mysql://u:S3CRET@h/d":      "must be postgres://",
		"postgres:u:S3CRET@h/d":     "must be postgres://",
		"sqlite:":                   "needs a file",
		"sqlite::memory:":           "needs a file",
		"sqlite://data.db":          "needs a file",
		"sqlite:/no/such/folder/db": "no such file",

		"postgres://u:S3CRET@db.example.com/d":                                          "",
		"Postgres://u:S3CRET@db.example.com/d":                                          "",
		"postgres://u:S3CRET@a.example.com,b.example.com:5433/d":                        "",
		"postgres://u:S3CRET@db.example.com/d?sslmode=require":                          "",
		"postgresql://u@127.0.0.1:5432/d?search_path=a%20b&statement_timeout=1":         "",
		"postgres://?host=/var/run/db&user=u&dbname=d":                                  "",
		"postgres://user:S3CRET@/db?host=/var/run/postgresql":                           "",
		"postgres://user@/db?host=/var/run/postgresql":                                  "",
		"postgres://user:S3CRET@:5433/db?host=/cloudsql/project:region:instance":        "",
		"postgres:///db?host=/var/run/postgresql&user=u":                                "",
		"postgres://u@/?host=/tmp&dbname=d":                                             "",
		"postgres://u:S3CRET@%2Fvar%2Frun%2Fpostgresql/d":                               "",
		"postgresql://%2Ftmp:5433/d?user=u":                                             "",
		"postgres://u@db.example.com/d?sslmode=disable&default_query_exec_mode=exec":    "",
		"postgres://u:S3CRET@db.example.com/d?sslmode=prefer":                           "sslmode must be",
		"postgres://u:S3CRET@db.example.com/d?sslmode=verify_full":                      "sslmode must be",
		"postgres://u:S3CRET@db.example.com/d?connect_timeout=S3CRET":                   "invalid value for the parameter connect_timeout",
		"postgres://u:S3CRET@db.example.com/d?default_query_exec_mode=S3CRET":           "invalid value for the parameter default_query_exec_mode",
		"postgres://u:S3CRET@db.example.com/d?sslmode=verify-full&sslrootcert=" + roots: "invalid value for the parameter sslrootcert",
		"postgres://":                               "@ : / ? # % in the password written as %40",
		"postgres://db.example.com/d":               "must be postgres://user:password@host/name",
		"postgres://u:S3CRET@db.example.com":        "must be postgres://user:password@host/name",
		"postgres://u:S3CRET@/d":                    "or postgres://user:password@/name?host=FOLDER",
		"postgres://u:S3CRET@/?host=/tmp":           "cannot be read",
		"postgres://:S3CRET@/d?host=/tmp":           "cannot be read",
		"postgres:///d?host=/tmp":                   "cannot be read",
		"postgres://u:S3/CRET@db.example.com/d":     "@ : / ? # % in the password written as %40",
		"postgres://u:S3CRET@db.example.com:port/d": "cannot be read",
		"postgres://u:S3CRET@db.example.com/d?%zz":  "cannot be read",
	} {
		db, err := store.Open(store.Config{URL: secret.New(address)})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", address, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "S3CRET") {
			t.Errorf("%s: the error quotes it: %v", address, err)
		}
		if db != nil {
			db.Close()
		}
	}
}

func TestSQLiteFileIsPrivate(t *testing.T) {
	t.Parallel()
	address := file(t)
	db := open(t, address)
	if _, _, err := db.Claim(t.Context(), storetest.Record(1)); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(filepath.Dir(strings.TrimPrefix(address, "sqlite:")), "*"))
	if err != nil || len(names) < 2 {
		t.Fatalf("%v, %v", names, err)
	}
	for _, name := range names {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// TestDocumentedRoleIsSufficient gives the portal's PostgreSQL role only the rights that
// docs/role.sql grants. The whole suite must pass with these rights. The rights must not allow a
// change of a step log.
func TestDocumentedRoleIsSufficient(t *testing.T) {
	t.Parallel()
	grants, err := os.ReadFile("../../docs/role.sql")
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int32
	storetest.Run(t, func(t *testing.T) backup.Store {
		address := postgrestest.Schema(t)
		if _, _, err := open(t, address).Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		role := fmt.Sprint("portal_", n.Add(1))
		schema := address[strings.LastIndex(address, "=")+1:]
		own := strings.NewReplacer("backup_portal", role, "public", schema).Replace(string(grants))
		postgrestest.Exec(t, address, own)
		db := open(t, strings.Replace(address, "postgres@", role+"@", 1))
		if _, err := db.Append(t.Context(), "nobody", storetest.Step(0, "o")); err == nil {
			t.Error("a step of nobody")
		}
		for _, statement := range []string{"UPDATE submission_step SET kind = 'void'", "DELETE FROM submission_step", "UPDATE submission SET fingerprint = ''", "DROP TABLE job"} {
			other, err := sql.Open("pgx", strings.Replace(address, "postgres@", role+"@", 1))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := other.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "42501") {
				t.Errorf("%s: %v", statement, err)
			}
			other.Close()
		}
		return db
	})
}
