package store

import (
	"context"
	"database/sql"
	"iter"
	"time"

	"backupportal/function/backup"
)

const insertAudit = `INSERT INTO audit (chain, seq, at_ms, body, mac) VALUES ($1, $2, $3, $4, $5)`

// selectHeads selects the last row of each chain that has a row since $1. It groups by an
// expression, the chain with an empty text appended, so that SQLite uses the index of times. If it
// grouped by the column, SQLite would read the whole table in the order of the chains.
const selectHeads = `
SELECT a.chain, a.seq, a.at_ms, a.mac
FROM (SELECT chain || '' AS chain, MAX(seq) AS seq, MAX(at_ms) AS last_ms FROM audit WHERE at_ms >= $1 GROUP BY chain || '') h
JOIN audit a ON a.chain = h.chain AND a.seq = h.seq
ORDER BY h.last_ms DESC, a.chain LIMIT $2`

// selectNextChain selects the name of the next chain. selectRows selects the next rows of a chain.
// A reader repeats each statement until it returns no row.
const (
	selectNextChain = `SELECT MIN(chain) FROM audit WHERE chain > $1`
	selectRows      = `SELECT chain, seq, at_ms, body, mac FROM audit WHERE chain = $1 AND seq > $2 ORDER BY seq LIMIT $3`
)

// auditPageSize is how many rows AuditTrail reads in one statement.
const auditPageSize = 500

// An execer is a database or a transaction.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// addRows inserts rows of the audit trail one by one. After an error, the earlier rows stay
// inserted, unless to is a transaction.
func (d *DB) addRows(ctx context.Context, to execer, rows []backup.AuditRow) error {
	for _, r := range rows {
		args := []any{r.Chain, r.Seq, ms(r.At), r.Body, r.MAC}
		if err := checkTexts(args); err != nil {
			return err
		}
		if _, err := to.ExecContext(ctx, insertAudit, args...); err != nil {
			return err
		}
	}
	return nil
}

// Audit adds a row to the audit trail. It is a method of the interface Sink of package audit. After
// an error it is unknown whether the row was added.
func (d *DB) Audit(ctx context.Context, row backup.AuditRow) error {
	return d.write(ctx, "audit", func(ctx context.Context) error {
		return d.addRows(ctx, d.writes, []backup.AuditRow{row})
	})
}

// AuditHeads returns the last row of each chain that has a row since the given time. It returns at
// most limit rows, the most recent first, without their bodies.
func (d *DB) AuditHeads(ctx context.Context, since time.Time, limit int) (heads []backup.AuditRow, err error) {
	err = d.do(ctx, "audit heads", func(ctx context.Context) error {
		rows, err := d.db.QueryContext(ctx, selectHeads, ms(since), limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r backup.AuditRow
			var at int64
			if err := rows.Scan(&r.Chain, &r.Seq, &at, &r.MAC); err != nil {
				return err
			}
			r.At = fromMillis(at)
			heads = append(heads, r)
		}
		return rows.Err()
	})
	return heads, err
}

// AuditTrail returns all rows of the audit trail, ordered by chain, then by number. It reads the
// rows in pages, one statement for each page. It yields an error at most once, as the last value.
// It omits chains that begin after AuditTrail started. Such a chain may name rows that were added
// to chains after AuditTrail had read them, and a verifier would report these rows as missing.
func (d *DB) AuditTrail(ctx context.Context) iter.Seq2[backup.AuditRow, error] {
	return func(yield func(backup.AuditRow, error) bool) {
		chains, err := d.auditChains(ctx)
		if err != nil {
			yield(backup.AuditRow{}, err)
			return
		}
		for _, chain := range chains {
			for after := int64(-1); ; {
				rows, err := d.auditPage(ctx, chain, after)
				if err != nil {
					yield(backup.AuditRow{}, err)
					return
				}
				for _, r := range rows {
					if !yield(r, nil) {
						return
					}
					after = r.Seq
				}
				if len(rows) < auditPageSize {
					break
				}
			}
		}
	}
}

// auditChains returns the names of all chains in ascending order.
func (d *DB) auditChains(ctx context.Context) (chains []string, err error) {
	for last := ""; ; {
		var next sql.NullString
		err := d.do(ctx, "audit chains", func(ctx context.Context) error {
			return d.db.QueryRowContext(ctx, selectNextChain, last).Scan(&next)
		})
		if err != nil || !next.Valid {
			return chains, err
		}
		last = next.String
		chains = append(chains, last)
	}
}

// auditPage returns the rows of a chain with numbers above after: at most auditPageSize rows, in
// ascending order.
func (d *DB) auditPage(ctx context.Context, chain string, after int64) (page []backup.AuditRow, err error) {
	err = d.do(ctx, "audit rows", func(ctx context.Context) error {
		page = nil
		rows, err := d.db.QueryContext(ctx, selectRows, chain, after, auditPageSize)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r backup.AuditRow
			var at int64
			if err := rows.Scan(&r.Chain, &r.Seq, &at, &r.Body, &r.MAC); err != nil {
				return err
			}
			r.At = fromMillis(at)
			page = append(page, r)
		}
		return rows.Err()
	})
	return page, err
}
