package store

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"
)

// A dialect is what two databases do not do alike.
type dialect struct {
	name     string
	alone    []string         // begins a transaction that changes the schema, while others wait for its end
	table    string           // whether the table $1 is there
	clock    string           // the database's time in milliseconds
	outdated func(error) bool // the connection leads to a server that may no longer write
	stranger func(error) bool // a row belongs to none in another table
}

// SQLite's result codes (“Result and Error Codes”).
const sqliteForeignKey = 787

var sqliteDialect = dialect{
	name:     "sqlite",
	table:    `SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1)`,
	clock:    `SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)`,
	outdated: func(error) bool { return false },
	stranger: func(err error) bool {
		e, ok := errors.AsType[*sqlite.Error](err)
		return ok && e.Code() == sqliteForeignKey
	},
}

// PostgreSQL's error codes (“Appendix A”).
const (
	pgForeignKey = "23503"
	pgReadOnly   = "25006"
)

var postgresDialect = dialect{
	name: "postgres",
	// Any number will do, as long as no other program locks the same one here.
	alone: []string{
		`SET LOCAL lock_timeout = 0`, `SET LOCAL statement_timeout = 0`,
		`SELECT pg_advisory_xact_lock(7263548120996341)`,
	},
	table:    `SELECT to_regclass($1) IS NOT NULL`,
	clock:    `SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)`,
	outdated: func(err error) bool { return pgCode(err) == pgReadOnly },
	stranger: func(err error) bool { return pgCode(err) == pgForeignKey },
}

func pgCode(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// open makes the pool for a URL. It connects to nothing, but makes the file of
// a SQLite database, so that only its owner can read it.
func open(cfg Config, log *slog.Logger) (dialect, *sql.DB, error) {
	text := cfg.URL.Reveal()
	if path, ok := strings.CutPrefix(text, "sqlite:"); ok {
		db, err := openSQLite(path)
		return sqliteDialect, db, err
	}
	if strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		db, err := openPostgres(text, max(cfg.Connections, 2), log)
		return postgresDialect, db, err
	}
	return dialect{}, nil, errors.New("the database must be postgres://user:password@host/name or sqlite:PATH")
}

// openSQLite opens a file. Commits reach the disk before they are answered,
// and a transaction that reads before it writes holds the lock from its start:
// otherwise two of them fail each other at once, whatever the time to wait.
func openSQLite(path string) (*sql.DB, error) {
	if path == "" || strings.Contains(path, ":memory:") {
		return nil, errors.New("a SQLite database needs a file: sqlite:PATH")
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the SQLite database: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	settings := url.Values{
		"_pragma": {"busy_timeout(4000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"},
		"_txlock": {"immediate"},
	}
	name := (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
	db, err := sql.Open("sqlite", "file:"+name+"?"+settings.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	return db, nil
}

// openPostgres opens a pool. Whatever the URL does not say is set as this
// program needs it: in particular TLS that knows the server's name, unless the
// server is on this machine. Modes that fall back to plain text by themselves
// are refused.
func openPostgres(text string, connections int, log *slog.Logger) (*sql.DB, error) {
	base, rawQuery, _ := strings.Cut(text, "?")
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, errors.New("what stands behind the ? in the database's address cannot be read")
	}
	given := query.Get("sslmode")
	if given == "prefer" || given == "allow" {
		return nil, errors.New("the database's sslmode " + given + " may use plain text unasked: choose verify-full, verify-ca, require or disable")
	}
	for name, value := range map[string]string{
		"sslmode":                             "disable",
		"connect_timeout":                     "5",
		"target_session_attrs":                "read-write", // in a failover: the server that may write
		"application_name":                    "backup-portal",
		"statement_timeout":                   "5000",
		"lock_timeout":                        "3000",
		"idle_in_transaction_session_timeout": "10000",
		"default_transaction_isolation":       "read committed",
	} {
		if !query.Has(name) {
			query.Set(name, value)
		}
	}
	parse := func() (*pgx.ConnConfig, error) {
		// In these addresses, as in libpq's, a blank is not a plus.
		return pgx.ParseConfig(base + "?" + strings.ReplaceAll(query.Encode(), "+", "%20"))
	}
	cfg, err := parse()
	if err == nil && given == "" && !isLocal(cfg) {
		query.Set("sslmode", "verify-full")
		cfg, err = parse()
	}
	if err != nil { // its text may quote the address
		return nil, errors.New("the database's address cannot be read: it must be postgres://user:password@host/name, and sslrootcert, if it is given, a file of PEM roots")
	}
	if given != "" && given != "verify-full" && !isLocal(cfg) {
		log.Warn("what goes to the database can be read or changed on the way: sslmode=verify-full prevents that", "sslmode", given)
	}
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(connections)
	db.SetConnMaxIdleTime(30 * time.Second)
	db.SetConnMaxLifetime(10 * time.Minute)
	return db, nil
}

// isLocal reports whether all servers of cfg are on this machine.
func isLocal(cfg *pgx.ConnConfig) bool {
	hosts := []string{cfg.Host}
	for _, other := range cfg.Fallbacks {
		hosts = append(hosts, other.Host)
	}
	return !slices.ContainsFunc(hosts, func(host string) bool {
		ip := net.ParseIP(host)
		return host != "localhost" && !strings.HasPrefix(host, "/") && (ip == nil || !ip.IsLoopback())
	})
}
