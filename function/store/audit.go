package store

import (
	"context"
	"database/sql"
	"iter"
	"time"

	"backupportal/function/backup"
)

const addAudit = `INSERT INTO audit (chain, seq, at_ms, body, mac) VALUES ($1, $2, $3, $4, $5)`

// auditHeads finds the last rows of the chains that were added to since a time. It
// groups by an expression so that SQLite takes the index of times: it would
// rather have the chains in order, and read them all for that.
const auditHeads = `
SELECT a.chain, a.seq, a.at_ms, a.mac
FROM (SELECT chain || '' AS chain, MAX(seq) AS seq, MAX(at_ms) AS last_ms FROM audit WHERE at_ms >= $1 GROUP BY chain || '') h
JOIN audit a ON a.chain = h.chain AND a.seq = h.seq
ORDER BY h.last_ms DESC, a.chain LIMIT $2`

// auditChain finds the next chain, and auditRows the next rows of one.
const (
	auditChain = `SELECT MIN(chain) FROM audit WHERE chain > $1`
	auditRows  = `SELECT chain, seq, at_ms, body, mac FROM audit WHERE chain = $1 AND seq > $2 ORDER BY seq LIMIT $3`
)

// auditPage is how many rows are read at a time.
const auditPage = 500

// execer is a database, or a transaction in it.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func (d *DB) addRows(ctx context.Context, to execer, rows []backup.AuditRow) error {
	for _, r := range rows {
		args := []any{r.Chain, r.Seq, ms(r.At), r.Body, r.MAC}
		if err := storable(args); err != nil {
			return err
		}
		if _, err := to.ExecContext(ctx, addAudit, args...); err != nil {
			return err
		}
	}
	return nil
}

// Audit adds a row to the audit trail. After an error it may be there or not.
func (d *DB) Audit(ctx context.Context, row backup.AuditRow) error {
	return d.write(ctx, "audit", func(ctx context.Context) error {
		return d.addRows(ctx, d.db, []backup.AuditRow{row})
	})
}

// AuditHeads returns the last rows, without their bodies, of the chains of the
// audit trail that had a row since a time: the newest first, at most limit.
func (d *DB) AuditHeads(ctx context.Context, since time.Time, limit int) (heads []backup.AuditRow, err error) {
	err = d.do(ctx, "audit heads", func(ctx context.Context) error {
		rows, err := d.db.QueryContext(ctx, auditHeads, ms(since), limit)
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
			r.At = moment(at)
			heads = append(heads, r)
		}
		return rows.Err()
	})
	return heads, err
}

// AuditTrail reads the whole audit trail, by chains and the numbers of their
// rows. Chains that begin meanwhile are left out: they may tell of rows that were
// added behind those read already.
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
				if len(rows) < auditPage {
					break
				}
			}
		}
	}
}

// auditChains are the names of all chains, in order.
func (d *DB) auditChains(ctx context.Context) (chains []string, err error) {
	for last := ""; ; {
		var next sql.NullString
		err := d.do(ctx, "audit chains", func(ctx context.Context) error {
			return d.db.QueryRowContext(ctx, auditChain, last).Scan(&next)
		})
		if err != nil || !next.Valid {
			return chains, err
		}
		last = next.String
		chains = append(chains, last)
	}
}

func (d *DB) auditPage(ctx context.Context, chain string, after int64) (page []backup.AuditRow, err error) {
	err = d.do(ctx, "audit rows", func(ctx context.Context) error {
		page = nil
		rows, err := d.db.QueryContext(ctx, auditRows, chain, after, auditPage)
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
			r.At = moment(at)
			page = append(page, r)
		}
		return rows.Err()
	})
	return page, err
}
