package store

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"
)

// The kinds of databases, as [Kind] and [DB.Kind] return them.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// Kind returns the kind of the database that a [Config.URL] names, judged by the scheme alone:
// [SQLite], [Postgres], or the empty string if it is neither.
func Kind(url string) string {
	scheme, _, ok := strings.Cut(url, ":")
	switch strings.ToLower(scheme) {
	case "sqlite":
		if ok {
			return SQLite
		}
	case "postgres", "postgresql":
		if ok && strings.HasPrefix(url[len(scheme):], "://") {
			return Postgres
		}
	}
	return ""
}

// A dialect holds what differs between the two databases.
type dialect struct {
	name string // SQLite or Postgres
	// lockSchema are statements at the start of a migration. They wait until no other process
	// migrates.
	lockSchema []string
	table      string // query: does the table with the name $1 exist?
	clock      string // expression: milliseconds since 1970 when the statement began, by the database's clock
	local      bool   // the server is on this machine: no failover can lose a commit
	// writable are statements that fail where a submission could not be recorded. They change
	// nothing.
	writable []string
	// noIndex is a prefix for a column whose index must not be used. It is empty for PostgreSQL,
	// which has statistics about values.
	noIndex string
	// freshPlan are arguments to insert before those of a statement that needs a plan for its
	// values. They are empty if the database makes such a plan anyway.
	freshPlan             []any
	isReadOnly            func(error) bool // the connected server accepts no writes, as after a failover
	isBusy                func(error) bool // another connection holds a lock, and waiting may help
	isForeignKeyViolation func(error) bool // the row refers to a row that does not exist
}

// sqliteForeignKey is SQLITE_CONSTRAINT_FOREIGNKEY (SQLite, “Result and Error Codes”).
const sqliteForeignKey = 787

// sqliteBusy is SQLITE_BUSY, the low byte of its extended codes.
const sqliteBusy = 5

var sqliteDialect = dialect{
	name:       SQLite,
	table:      `SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1)`,
	clock:      `CAST(unixepoch('subsec') * 1000 AS INTEGER)`,
	local:      true,
	noIndex:    "+",
	isReadOnly: func(error) bool { return false },
	isBusy: func(err error) bool {
		e, ok := errors.AsType[*sqlite.Error](err)
		return ok && e.Code()&0xff == sqliteBusy
	},
	isForeignKeyViolation: func(err error) bool {
		e, ok := errors.AsType[*sqlite.Error](err)
		return ok && e.Code() == sqliteForeignKey
	},
}

// PostgreSQL's error codes (“Appendix A. PostgreSQL Error Codes”).
const (
	pgForeignKey = "23503" // foreign_key_violation
	pgReadOnly   = "25006" // read_only_sql_transaction
)

var postgresDialect = dialect{
	name: Postgres,
	// The number of the advisory lock is arbitrary. It must differ from the numbers that other
	// programs use in the same database. The time-outs are disabled because a migration by
	// another process may take longer.
	lockSchema: []string{
		`SET LOCAL lock_timeout = 0`, `SET LOCAL statement_timeout = 0`,
		`SELECT pg_advisory_xact_lock(7263548120996341)`,
	},
	table: `SELECT to_regclass($1) IS NOT NULL`,
	clock: `CAST(extract(epoch FROM statement_timestamp()) * 1000 AS BIGINT)`,
	writable: []string{`INSERT INTO submission_step (submission_id, n, kind, owner, at_ms, until_ms, job_id, code, message, request_id)
		SELECT id, 0, 'attempt', '', 0, 0, '', '', '', '' FROM submission WHERE id = ''`},
	isReadOnly:            func(err error) bool { return pgCode(err) == pgReadOnly },
	isBusy:                func(error) bool { return false },
	isForeignKeyViolation: func(err error) bool { return pgCode(err) == pgForeignKey },
}

// pgCode returns the PostgreSQL error code of err, or the empty string if it has none.
func pgCode(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// openPool returns the dialect and the connection pool for cfg. It does not connect, but it
// creates the file of a SQLite database, readable only by its owner.
func openPool(cfg Config, log *slog.Logger) (dialect, *sql.DB, error) {
	text := cfg.URL.Reveal()
	_, rest, _ := strings.Cut(text, ":")
	switch Kind(text) {
	case SQLite:
		db, err := openSQLite(rest, cfg.StatementTime, log)
		return sqliteDialect, db, err
	case Postgres:
		connections := cfg.Connections
		if connections == 0 {
			connections = 2
		}
		db, mode, local, err := openPostgres("postgres:"+rest, connections, log)
		d := postgresDialect
		d.local = local
		if mode == pgx.QueryExecModeCacheStatement {
			// This mode prepares statements and keeps them. After five executions, PostgreSQL may
			// keep one plan for all values, too.
			d.freshPlan = []any{pgx.QueryExecModeExec}
		}
		return d, db, err
	}
	return dialect{}, nil, errors.New("the database must be postgres://user:password@host/name or sqlite:PATH")
}

// openSQLite returns a pool for the file at path. A commit is on the disk before it returns
// (synchronous=FULL). A transaction takes the write lock when it begins (_txlock=immediate): two
// transactions that first read and then write would otherwise fail at once with SQLITE_BUSY,
// however long they may wait. The wait for a lock of another process is four fifths of
// statementTime, so that it ends before the context of the statement does. A file that other
// users of the machine may read is logged as a warning.
func openSQLite(path string, statementTime time.Duration, log *slog.Logger) (*sql.DB, error) {
	if path == "" || strings.Contains(path, ":memory:") || strings.HasPrefix(path, "//") {
		return nil, errors.New("a SQLite database needs a file, as sqlite:PATH, such as sqlite:/var/lib/backup-portal.db")
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the SQLite database: %w", err)
	}
	info, err := file.Stat()
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	if others := info.Mode().Perm() & 0o077; others != 0 {
		log.Warn("others may read the database's file: only its owner needs to", "file", path, "mode", info.Mode().Perm().String())
	}
	pragmas := url.Values{
		"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", (statementTime * 4 / 5).Milliseconds()),
			"journal_mode(WAL)",
			"synchronous(FULL)",
			"foreign_keys(1)",
		},
		"_txlock": {"immediate"},
	}
	db, err := sql.Open("sqlite", sqliteName(path)+"?"+pragmas.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	return db, nil
}

// sqliteName returns path as a URI file name of SQLite, in which ?, # and % must be escaped.
func sqliteName(path string) string {
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
}

// defaults are parameters of a PostgreSQL connection that the program needs. A URL may override
// them. sslmode is not among them, because it depends on where the server is.
var defaults = map[string]string{
	"connect_timeout":                     "2",          // seconds; the first of several hosts may not answer
	"target_session_attrs":                "read-write", // with several hosts, connect to the primary
	"application_name":                    "backup-portal",
	"statement_timeout":                   "5000", // milliseconds, as the two below
	"lock_timeout":                        "3000",
	"idle_in_transaction_session_timeout": "10000",
	"default_transaction_isolation":       "read committed",
	"synchronous_commit":                  "on", // a commit that is answered is on disk
}

// durableLevels are the values of synchronous_commit with which a commit survives a crash of the
// server.
var durableLevels = []string{"on", "remote_apply"}

// sslModes are the accepted values of sslmode. The others (allow, prefer) may silently fall back
// to plain text. The empty value means that the URL does not say.
var sslModes = []string{"", "verify-full", "verify-ca", "require", "disable"}

// errURL does not quote the URL, because it contains a password.
var errURL = errors.New("the address cannot be read: it must be postgres://user:password@host/name, with @ : / ? # % in the password written as %40 %3A %2F %3F %23 %25; " +
	"sslrootcert, if it is given, must be a file of PEM roots")

// openPostgres returns a pool for a URL, and how the driver sends statements. It adds defaults
// for parameters that are missing. Without sslmode, TLS with verification of the server's name is
// required, unless all servers are on this machine. User, host and database must be in the URL:
// the variables of the environment (PGHOST, PGUSER, …) are not used for them. A weaker sslmode
// for a remote server is logged as a warning.
func openPostgres(text string, connections int, log *slog.Logger) (db *sql.DB, mode pgx.QueryExecMode, local bool, err error) {
	base, rawQuery, _ := strings.Cut(text, "?")
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, 0, false, errURL
	}
	given := query.Get("sslmode")
	if !slices.Contains(sslModes, given) {
		return nil, 0, false, errors.New("sslmode must be verify-full, verify-ca, require or disable: other modes are invalid or may silently use plain text")
	}
	for name, value := range defaults {
		if !query.Has(name) {
			query.Set(name, value)
		}
	}
	if level := query.Get("synchronous_commit"); !slices.Contains(durableLevels, level) {
		return nil, 0, false, fmt.Errorf("synchronous_commit must be on or remote_apply, not %q: a commit that is not on disk can be lost", level)
	}
	if given == "" {
		query.Set("sslmode", "disable")
	}
	cfg, err := parseConfig(base, query)
	if err == nil && given == "" && !isLocal(cfg) {
		query.Set("sslmode", "verify-full")
		cfg, err = parseConfig(base, query)
	}
	if err != nil {
		return nil, 0, false, err
	}
	if given != "" && given != "verify-full" && !isLocal(cfg) {
		log.Warn("traffic to the database can be read or changed in transit: use sslmode=verify-full", "sslmode", given)
	}
	db = stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(connections)
	db.SetConnMaxIdleTime(30 * time.Second)
	db.SetConnMaxLifetime(10 * time.Minute)
	return db, cfg.DefaultQueryExecMode, isLocal(cfg), nil
}

// urlShape matches a URL with a user, one or more hosts, and a database.
var urlShape = regexp.MustCompile(`\Apostgres://[^/@]+@[^/@]+/[^/]+\z`)

// parseConfig parses a URL without its query, and the query. Its errors never quote the URL: they
// name the parameter that is wrong, or are errURL.
func parseConfig(base string, query url.Values) (*pgx.ConnConfig, error) {
	if !urlShape.MatchString(base) && (query.Get("host") == "" || query.Get("user") == "" || query.Get("dbname") == "") {
		return nil, errURL
	}
	// In these URLs, as in those of libpq, a space is written as %20; a plus is a plus.
	cfg, err := pgx.ParseConfig(base + "?" + strings.ReplaceAll(query.Encode(), "+", "%20"))
	if err == nil {
		return cfg, nil
	}
	// The error of pgx may quote the URL. The wrong parameter is the one without which the URL
	// can be parsed.
	for name := range query {
		without := maps.Clone(query)
		without.Del(name)
		if _, err := pgx.ParseConfig(base + "?" + strings.ReplaceAll(without.Encode(), "+", "%20")); err == nil {
			return nil, fmt.Errorf("the URL has an invalid value for the parameter %s", name)
		}
	}
	return nil, errURL
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
