package store

import (
	"context"
	"database/sql"
	"iter"
	"time"

	"backupportal/function/backup"
)

const insertAudit = `INSERT INTO audit (chain, seq, at_ms, body, mac) VALUES ($1, $2, $3, $4, $5)`

// insertStepAudit adds an audit row that belongs to step $7 of submission $6. If that step does
// not exist, or its owner is not $8, the value of the column mac would be NULL. The database refuses
// NULL there, and with it the whole transaction. So a step and its audit row are stored together
// or not at all.
const insertStepAudit = `INSERT INTO audit (chain, seq, at_ms, body, mac) VALUES ($1, $2, $3, $4,
	(SELECT CAST($5 AS TEXT) FROM submission_step WHERE submission_id = $6 AND n = $7 AND owner = $8))`

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

// auditArgs are the first arguments of a statement that adds a row of the audit trail.
func auditArgs(r backup.AuditRow) []any { return []any{r.Chain, r.Seq, ms(r.At), r.Body, r.MAC} }

// auditStatement returns a statement with the SQL text text, which adds a row of the audit
// trail. args are its arguments after those of the row. If the row has no number and seal yet,
// it gets them when the statement is executed.
func auditStatement(text string, r backup.AuditRow, args ...any) *statement {
	return &statement{text: text, args: append(auditArgs(r), args...), record: r.Pending}
}

// Audit adds a row to the audit trail. It implements the interface Sink of package audit. After
// an error it is unknown whether the row was added.
func (d *DB) Audit(ctx context.Context, row backup.AuditRow) error {
	return d.commit(ctx, "audit", auditStatement(insertAudit, row))
}

// AuditPending adds a record to the audit trail. It is a method of the interface PendingSink of
// package audit.
func (d *DB) AuditPending(ctx context.Context, record backup.AuditPending) error {
	return d.Audit(ctx, backup.AuditRow{Pending: record})
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
