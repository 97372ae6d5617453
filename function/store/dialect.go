package store

import (
	"cmp"
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
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"

	"backupportal/function/secret"
)

// These are the kinds of databases that [Kind] and [DB.Kind] return.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// Kind returns the kind of the database that a [Config.URL] names. It reads only the scheme of the
// URL. The result is [SQLite], [Postgres], or the empty string for another scheme.
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

// File returns the path of the file of a SQLite URL, or an empty text for another URL.
func File(url secret.String) string {
	text := strings.TrimSpace(url.Reveal())
	if Kind(text) != SQLite {
		return ""
	}
	_, path, _ := strings.Cut(text, ":")
	return path
}

// A dialect holds everything that differs between SQLite and PostgreSQL.
type dialect struct {
	name string // SQLite or Postgres
	// lockSchema are the statements at the start of a migration. They wait until no other process
	// runs a migration.
	lockSchema []string
	table      string // query: does the table with the name $1 exist?
	clock      string // expression: the database's clock at the start of the statement, in milliseconds since 1970
	local      bool   // the server is on this machine: no failover can lose a commit
	// writable are statements that fail if a submission could not be recorded. They change nothing.
	writable []string
	// noIndex is a prefix for the name of a column. The prefix makes the database ignore the index
	// of that column. It is empty for PostgreSQL, which has statistics about values.
	noIndex string
	// like is the operator that compares a text with a pattern and ignores case. SQLite ignores
	// it only in ASCII letters.
	like string
	// lockRow follows a SELECT in a transaction that changes data. It keeps other transactions from
	// changing the row. It is empty for SQLite, where such a transaction has the lock of the database.
	lockRow string
	// changesInWith reports whether the WITH clause of a statement may change data.
	changesInWith bool
	// freshPlan are extra arguments before the arguments of a statement. They make the database
	// plan the statement for its own values. They are empty if the database always does this.
	freshPlan             []any
	isReadOnly            func(error) bool // the connected server accepts no writes, for example after a failover
	isBusy                func(error) bool // another connection holds a lock, and waiting may help
	isForeignKeyViolation func(error) bool // the row refers to a row that does not exist
	isNotNullViolation    func(error) bool // a column that must have a value would have none
}

// sqliteForeignKey is SQLITE_CONSTRAINT_FOREIGNKEY (SQLite, “Result and Error Codes”).
const sqliteForeignKey = 787

// sqliteNotNull is SQLITE_CONSTRAINT_NOTNULL.
const sqliteNotNull = 1299

// sqliteBusy is SQLITE_BUSY, the low byte of the extended error codes.
const sqliteBusy = 5

var sqliteDialect = dialect{
	name:       SQLite,
	table:      `SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1)`,
	clock:      `CAST(unixepoch('subsec') * 1000 AS INTEGER)`,
	local:      true,
	noIndex:    "+",
	like:       "LIKE",
	isReadOnly: func(error) bool { return false },
	isBusy: func(err error) bool {
		e, ok := errors.AsType[*sqlite.Error](err)
		return ok && e.Code()&0xff == sqliteBusy
	},
	isForeignKeyViolation: func(err error) bool {
		e, ok := errors.AsType[*sqlite.Error](err)
		return ok && e.Code() == sqliteForeignKey
	},
	isNotNullViolation: func(err error) bool {
		e, ok := errors.AsType[*sqlite.Error](err)
		return ok && e.Code() == sqliteNotNull
	},
}

// These are PostgreSQL's error codes (“Appendix A. PostgreSQL Error Codes”).
const (
	pgForeignKey = "23503" // foreign_key_violation
	pgNotNull    = "23502" // not_null_violation
	pgReadOnly   = "25006" // read_only_sql_transaction
)

var postgresDialect = dialect{
	name: Postgres,
	// The number of the advisory lock is arbitrary, but must differ from the numbers that other
	// programs use in the same database. The time limits are off, because a migration by another
	// process may take longer.
	lockSchema: []string{
		`SET LOCAL lock_timeout = 0`, `SET LOCAL statement_timeout = 0`,
		`SELECT pg_advisory_xact_lock(7263548120996341)`,
	},
	table: `SELECT to_regclass($1) IS NOT NULL`,
	like:  "ILIKE",

	lockRow: ` FOR UPDATE`,
	// PostgreSQL executes each part of WITH once, also if its result is not read.
	changesInWith: true,
	clock:         `CAST(extract(epoch FROM statement_timestamp()) * 1000 AS BIGINT)`,
	writable: []string{`INSERT INTO submission_step (submission_id, n, kind, owner, at_ms, until_ms, job_id, code, message, request_id)
		SELECT id, 0, 'attempt', '', 0, 0, '', '', '', '' FROM submission WHERE id = ''`},
	isReadOnly:            func(err error) bool { return pgCode(err) == pgReadOnly },
	isBusy:                func(error) bool { return false },
	isForeignKeyViolation: func(err error) bool { return pgCode(err) == pgForeignKey },
	isNotNullViolation:    func(err error) bool { return pgCode(err) == pgNotNull },
}

// pgCode returns the PostgreSQL error code of err, or the empty string if err has none.
func pgCode(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// openPools returns the dialect for cfg, and the connection pools for reads and for changes. It
// does not connect. The pools are separate, so that reads never delay a change. They are the
// same pool for PostgreSQL with fewer than [fewestSplit] connections. For SQLite, openPools
// creates the file, which only its owner can read.
func openPools(cfg Config, log *slog.Logger) (d dialect, reads, writes *sql.DB, err error) {
	text := cfg.URL.Reveal()
	_, rest, _ := strings.Cut(text, ":")
	switch Kind(text) {
	case SQLite:
		if reads, err = openSQLite(rest, cfg.StatementTime, sqliteReaders(), log); err != nil {
			return sqliteDialect, nil, nil, err
		}
		if writes, err = openSQLite(rest, cfg.StatementTime, 1, slog.New(slog.DiscardHandler)); err != nil {
			return sqliteDialect, nil, nil, errors.Join(err, reads.Close())
		}
		return sqliteDialect, reads, writes, nil
	case Postgres:
		return openPostgresPools("postgres:"+rest, cmp.Or(cfg.Connections, 2), log)
	}
	return dialect{}, nil, nil, errors.New("the database must be postgres://user:password@host/name or sqlite:PATH")
}

// fewestSplit is the smallest number of PostgreSQL connections that are split into two pools. A
// process with fewer answers one request at a time, or few.
const fewestSplit = 4

// openPostgresPools returns the dialect for a URL, and the pools for reads and for changes,
// which have at most connections together. Half of them are for changes, because a submission
// makes most of the statements. Fewer than [fewestSplit] connections are one pool.
func openPostgresPools(url string, connections int, log *slog.Logger) (d dialect, reads, writes *sql.DB, err error) {
	d = postgresDialect
	forChanges := connections
	if connections >= fewestSplit {
		forChanges = (connections + 1) / 2
	}
	writes, mode, local, err := openPostgres(url, forChanges, log)
	if err != nil {
		return d, nil, nil, err
	}
	d.local = local
	if mode == pgx.QueryExecModeCacheStatement {
		// In this mode, pgx prepares statements and keeps them. After five executions,
		// PostgreSQL may then keep one plan for all values.
		d.freshPlan = []any{pgx.QueryExecModeExec}
	}
	if forChanges == connections {
		return d, writes, writes, nil
	}
	reads, _, _, err = openPostgres(url, connections-forChanges, slog.New(slog.DiscardHandler))
	if err != nil {
		return d, nil, nil, errors.Join(err, writes.Close())
	}
	return d, reads, writes, nil
}

// sqliteReaders returns how many connections read a SQLite file: one less than there are
// processors, at least 1 and at most 4. SQLite runs in this process, so a reading connection
// needs a processor. With one connection for each processor, a writer waited for one after each
// commit: 32 readers that never paused left it a fifth of its speed.
func sqliteReaders() int { return min(max(runtime.GOMAXPROCS(0)-1, 1), 4) }

// openSQLite returns a pool of at most connections for the file at path. A commit is on disk
// before it returns (synchronous=FULL). A transaction takes the write lock when it begins
// (_txlock=immediate), because SQLite at once refuses (SQLITE_BUSY) a transaction that reads
// first and writes after another transaction has written. A statement waits for a lock of
// another process for at most four fifths of statementTime, so that the wait ends before the
// context of the statement. openSQLite logs a warning if other users of the machine may read
// the file.
func openSQLite(path string, statementTime time.Duration, connections int, log *slog.Logger) (*sql.DB, error) {
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
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// sqliteName returns path as a URI file name of SQLite, in which ?, # and % must be escaped.
func sqliteName(path string) string {
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
}

// defaults are parameters of a PostgreSQL connection that the program needs. A URL may override
// them. sslmode is not in the list, because its default depends on where the server is.
var defaults = map[string]string{
	"connect_timeout":                     "2",          // seconds; short, because the first host of several may not answer
	"target_session_attrs":                "read-write", // with several hosts, connect to the primary
	"application_name":                    "backup-portal",
	"statement_timeout":                   "5000", // milliseconds, as the two parameters below
	"lock_timeout":                        "3000",
	"idle_in_transaction_session_timeout": "10000",
	"default_transaction_isolation":       "read committed",
	"synchronous_commit":                  "on", // a commit is on disk before the server confirms it
}

// durableLevels are the values of synchronous_commit with which a commit survives a crash of the
// server.
var durableLevels = []string{"on", "remote_apply"}

// sslModes are the accepted values of sslmode. The other values (allow, prefer) may silently use
// plain text. The empty value means that the URL has no sslmode.
var sslModes = []string{"", "verify-full", "verify-ca", "require", "disable"}

// errURL reports a URL that cannot be parsed. It does not quote the URL, because the URL contains a
// password.
var errURL = errors.New("the address cannot be read: it must be postgres://user:password@host/name, with @ : / ? # % in the password written as %40 %3A %2F %3F %23 %25, " +
	"or postgres://user:password@/name?host=FOLDER for a Unix socket; " +
	"sslrootcert, if it is given, must be a file of PEM roots")

// openPostgres returns a pool for a URL, and how the driver sends statements. It adds defaults for
// missing parameters. If sslmode is missing, the connection requires TLS and verifies the server's
// name, unless all servers are on this machine. The URL must contain the user, the host and the
// database: openPostgres does not read them from environment variables (PGHOST, PGUSER, …). It logs
// a warning for a weaker sslmode with a remote server.
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
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(30 * time.Second)
	db.SetConnMaxLifetime(10 * time.Minute)
	return db, cfg.DefaultQueryExecMode, isLocal(cfg), nil
}

// urlShape matches a URL without its query: the user with the password, the hosts and the database.
// Each of the three may be empty.
var urlShape = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\Apostgres://(?:([^/@]*)@)?([^/@]*)(?:/([^/]*))?\z`)
})

// isComplete reports whether the user, the host and the database are each in base or in query.
func isComplete(base string, query url.Values) bool {
	parts := urlShape().FindStringSubmatch(base)
	if parts == nil {
		return false
	}
	user, _, _ := strings.Cut(parts[1], ":")
	return (user != "" || query.Get("user") != "") &&
		(parts[2] != "" || query.Get("host") != "") &&
		(parts[3] != "" || query.Get("dbname") != "")
}

// socketHost matches a host that is the folder of a Unix socket, with each slash written as %2F
// (PostgreSQL, "Connection URIs").
var socketHost = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(@|//)(%2F[^/@:]*)(:[0-9]+)?(/|\z)`)
})

// moveSocket moves the folder of a Unix socket from the host of base to the parameter host of
// query, because net/url accepts no slash in a host.
func moveSocket(base string, query url.Values) string {
	parts := socketHost().FindStringSubmatchIndex(base)
	if parts == nil || query.Has("host") {
		return base
	}
	folder, err := url.PathUnescape(base[parts[4]:parts[5]])
	if err != nil {
		return base
	}
	query.Set("host", folder)
	if parts[6] >= 0 && !query.Has("port") {
		query.Set("port", base[parts[6]+1:parts[7]])
	}
	return base[:parts[3]] + base[parts[8]:]
}

// parseConfig parses a URL that is split into base, which has no query, and query. An error never
// quotes the URL: it names the invalid parameter, or is errURL.
func parseConfig(base string, query url.Values) (*pgx.ConnConfig, error) {
	base = moveSocket(base, query)
	if !isComplete(base, query) {
		return nil, errURL
	}
	// In a PostgreSQL URL, a space is written as %20 and a plus sign means a plus, as libpq
	// documents.
	cfg, err := pgx.ParseConfig(base + "?" + strings.ReplaceAll(query.Encode(), "+", "%20"))
	if err == nil {
		return cfg, nil
	}
	// The error of pgx may quote the URL. A parameter is the invalid one if the URL can be parsed
	// without it.
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
