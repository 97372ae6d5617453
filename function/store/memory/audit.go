package memory

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"backupportal/function/backup"
)

// Audit adds a row to the audit trail. It returns an error if the chain already has a row with the
// same number.
func (s *Store) Audit(ctx context.Context, row backup.AuditRow) error {
	if err := storable(ctx, row.Chain, row.Body, row.MAC); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addRows([]backup.AuditRow{row})
}

// sealed calls store with rows. Rows that have no number and seal yet get them first.
func sealed(ctx context.Context, rows []backup.AuditRow, store func([]backup.AuditRow) (bool, error)) (bool, error) {
	if len(rows) == 0 || rows[0].Pending == nil {
		return store(rows)
	}
	var records []backup.AuditPending
	for _, r := range rows {
		records = append(records, r.Pending)
	}
	return records[0].Trail().Seal(ctx, records, store)
}

// addRows adds all rows, or no row if one of the numbers is used. The caller must hold the lock of
// the store.
func (s *Store) addRows(rows []backup.AuditRow) error {
	for _, r := range rows {
		if _, taken := s.audit[r.Chain][r.Seq]; taken {
			return fmt.Errorf("row %d of chain %s is taken", r.Seq, r.Chain)
		}
	}
	for _, r := range rows {
		if s.audit[r.Chain] == nil {
			s.audit[r.Chain] = map[int64]backup.AuditRow{}
		}
		r.At = fromMillis(ms(r.At))
		s.audit[r.Chain][r.Seq] = r
	}
	return nil
}

// AuditHeads returns the last row of each chain if that row is not older than since. It returns at
// most limit rows, the newest first, without their bodies.
func (s *Store) AuditHeads(ctx context.Context, since time.Time, limit int) (heads []backup.AuditRow, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rows := range s.audit {
		if head := rows[slices.Max(slices.Collect(maps.Keys(rows)))]; !head.At.Before(since) {
			head.Body = ""
			heads = append(heads, head)
		}
	}
	slices.SortFunc(heads, func(a, b backup.AuditRow) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Chain, b.Chain))
	})
	return heads[:min(limit, len(heads))], ctx.Err()
}

// AuditTrail returns all rows at the time of the call, ordered by chain and number.
func (s *Store) AuditTrail(context.Context) iter.Seq2[backup.AuditRow, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []backup.AuditRow
	for _, chain := range slices.Sorted(maps.Keys(s.audit)) {
		for _, seq := range slices.Sorted(maps.Keys(s.audit[chain])) {
			all = append(all, s.audit[chain][seq])
		}
	}
	return func(yield func(backup.AuditRow, error) bool) {
		for _, r := range all {
			if !yield(r, nil) {
				return
			}
		}
	}
}
