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

// The kinds of databases.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// Kind says which kind of database a [Config.URL] is about, by its scheme
// alone; empty if it is none of them.
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

// A dialect is what two databases do not do alike.
type dialect struct {
	name                  string
	local                 bool             // the server is on this machine: no failover can lose a commit
	lockSchema            []string         // begins a transaction that changes the schema, while others wait for its end
	table                 string           // whether the table $1 is there
	clock                 string           // an expression: the database's time when the statement began, in milliseconds
	writable              []string         // statements that fail where a submission could not be recorded, and change nothing
	noIndex               string           // before a column: no index for this one; empty where the database knows which values are rare
	freshPlan             []any            // before the values of a statement that is to get a plan for them each time
	isReadOnly            func(error) bool // the connection leads to a server that may no longer write
	isForeignKeyViolation func(error) bool // a row belongs to none in another table
}

// SQLite's result codes (“Result and Error Codes”).
const sqliteForeignKey = 787

var sqliteDialect = dialect{
	name:       SQLite,
	local:      true,
	table:      `SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1)`,
	clock:      `CAST(unixepoch('subsec') * 1000 AS INTEGER)`,
	noIndex:    "+",
	isReadOnly: func(error) bool { return false },
	isForeignKeyViolation: func(err error) bool {
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
	name: Postgres,
	// Any number will do, as long as no other program locks the same one here.
	lockSchema: []string{
		`SET LOCAL lock_timeout = 0`, `SET LOCAL statement_timeout = 0`,
		`SELECT pg_advisory_xact_lock(7263548120996341)`,
	},
	table:                 `SELECT to_regclass($1) IS NOT NULL`,
	clock:                 `CAST(extract(epoch FROM statement_timestamp()) * 1000 AS BIGINT)`,
	writable: []string{`INSERT INTO submission_step (submission_id, n, kind, owner, at_ms, until_ms, job_id, code, message, request_id)
		SELECT id, 0, 'attempt', '', 0, 0, '', '', '', '' FROM submission WHERE id = ''`},
	isReadOnly:            func(err error) bool { return pgCode(err) == pgReadOnly },
	isForeignKeyViolation: func(err error) bool { return pgCode(err) == pgForeignKey },
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
			// Of a statement that is kept, the server comes to keep the plan, too.
			d.freshPlan = []any{pgx.QueryExecModeExec}
		}
		return d, db, err
	}
	return dialect{}, nil, errors.New("the database must be postgres://user:password@host/name or sqlite:PATH")
}

// openSQLite opens a file. Commits reach the disk before they are answered,
// and a transaction that reads before it writes holds the lock from its start:
// otherwise two of them fail each other at once, whatever the time to wait. A lock
// of another process is waited for during four fifths of a statement's time.
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
	if open := info.Mode().Perm() & 0o077; open != 0 {
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

// sqliteName writes a path as SQLite's own kind of address, in which ?, # and %
// mean something.
func sqliteName(path string) string {
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
}

// settings are what this program needs and an address of PostgreSQL may
// overrule; sslmode follows from where the server is.
var settings = map[string]string{
	"connect_timeout":                     "2",          // of several hosts the first may hang
	"target_session_attrs":                "read-write", // in a failover: the server that may write
	"application_name":                    "backup-portal",
	"statement_timeout":                   "5000",
	"lock_timeout":                        "3000",
	"idle_in_transaction_session_timeout": "10000",
	"default_transaction_isolation":       "read committed",
	// A commit that is answered before it is on disk can be lost, and with it the
	// record of a call that was sent.
	"synchronous_commit": "on",
}

// durableLevels are the values of synchronous_commit that keep a commit when the
// server stops at once.
var durableLevels = []string{"on", "remote_apply"}

// modes are the values of sslmode that are accepted: the others use plain text
// unasked.
var modes = []string{"", "verify-full", "verify-ca", "require", "disable"}

// errAddress never quotes the address, which has a password in it.
var errAddress = errors.New("the address cannot be read: it must be postgres://user:password@host/name, with @ : / ? # % in the password written as %40 %3A %2F %3F %23 %25; " +
	"sslrootcert, if it is given, must be a file of PEM roots")

// openPostgres opens a pool. Whatever the URL does not say is set as this
// program needs it: in particular TLS that knows the server's name, unless the
// server is on this machine. The name, the host and the user have to be in the
// URL: whatever the environment of the process says of them does not count. It
// also returns how the driver sends statements.
func openPostgres(text string, connections int, log *slog.Logger) (db *sql.DB, mode pgx.QueryExecMode, local bool, err error) {
	base, rawQuery, _ := strings.Cut(text, "?")
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, 0, false, errAddress
	}
	given := query.Get("sslmode")
	if !slices.Contains(modes, given) {
		return nil, 0, false, errors.New("sslmode must be verify-full, verify-ca, require or disable: other modes use plain text unasked, or are none")
	}
	for name, value := range settings {
		if !query.Has(name) {
			query.Set(name, value)
		}
	}
	if level := query.Get("synchronous_commit"); !slices.Contains(durableLevels, level) {
		return nil, 0, false, fmt.Errorf("synchronous_commit in the address must be on or remote_apply, not %q: a commit that is not on disk can be lost", level)
	}
	if given == "" {
		query.Set("sslmode", "disable")
	}
	cfg, err := parse(base, query)
	if err == nil && given == "" && !isLocal(cfg) {
		query.Set("sslmode", "verify-full")
		cfg, err = parse(base, query)
	}
	if err != nil {
		return nil, 0, false, err
	}
	if given != "" && given != "verify-full" && !isLocal(cfg) {
		log.Warn("what goes to the database can be read or changed on the way: sslmode=verify-full prevents that", "sslmode", given)
	}
	db = stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(connections)
	db.SetConnMaxIdleTime(30 * time.Second)
	db.SetConnMaxLifetime(10 * time.Minute)
	return db, cfg.DefaultQueryExecMode, isLocal(cfg), nil
}

// addressShape has a user, a host or several, and a database.
var addressShape = regexp.MustCompile(`\Apostgres://[^/@]+@[^/@]+/[^/]+\z`)

func parse(base string, query url.Values) (*pgx.ConnConfig, error) {
	if !addressShape.MatchString(base) && (query.Get("host") == "" || query.Get("user") == "" || query.Get("dbname") == "") {
		return nil, errAddress
	}
	// In these addresses, as in libpq's, a blank is not a plus.
	cfg, err := pgx.ParseConfig(base + "?" + strings.ReplaceAll(query.Encode(), "+", "%20"))
	if err == nil {
		return cfg, nil
	}
	// Its text may quote the address. A parameter that makes it bad is found by
	// leaving it out.
	for name := range query {
		without := maps.Clone(query)
		without.Del(name)
		if _, err := pgx.ParseConfig(base + "?" + strings.ReplaceAll(without.Encode(), "+", "%20")); err == nil {
			return nil, fmt.Errorf("%s in the address is not a value of that parameter", name)
		}
	}
	return nil, errAddress
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
