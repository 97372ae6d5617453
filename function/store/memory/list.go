package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"backupportal/function/backup"
)

// selected are the submissions for which match is true, newest first.
func (s *Store) selected(match func(*submission) bool) (found []*submission) {
	for _, of := range s.submissions {
		if match(of) {
			found = append(found, of)
		}
	}
	slices.SortFunc(found, func(a, b *submission) int { return compare(b.record.Place(), a.record.Place()) })
	return found
}

func compare(a, b backup.Place) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
}

// List implements [backup.Store].
func (s *Store) List(ctx context.Context, q backup.Query) (page []backup.Record, err error) {
	is := func(want, got string) bool { return want == "" || want == got }
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.selected(func(of *submission) bool {
		r := of.record
		return is(q.Principal, r.Principal.ID()) && is(q.Account, r.Account()) && is(q.Resource, r.Resource()) &&
			is(string(q.SourceType), string(r.Complete.SourceType())) &&
			(q.States == nil || of.state == "" || slices.Contains(q.States, of.state)) &&
			(q.From.IsZero() || ms(r.CreatedAt) >= ms(q.From)) && (q.To.IsZero() || ms(r.CreatedAt) < ms(q.To)) &&
			(q.Before == nil || compare(r.Place(), *q.Before) < 0) && (q.After == nil || compare(r.Place(), *q.After) > 0)
	})
	if more := len(found) - q.Limit; more > 0 && q.After != nil {
		found = found[more:]
	}
	for _, of := range found[:min(q.Limit, len(found))] {
		page = append(page, of.now())
	}
	return page, ctx.Err()
}

// Open implements [backup.Store].
func (s *Store) Open(ctx context.Context, after string, limit int) (page []backup.Record, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.selected(func(of *submission) bool { return of.state == "" && of.record.SubmissionID > after })
	slices.SortFunc(found, func(a, b *submission) int {
		return cmp.Compare(a.record.SubmissionID, b.record.SubmissionID)
	})
	for _, of := range found[:min(limit, len(found))] {
		page = append(page, of.now())
	}
	return page, ctx.Err()
}

// Announce implements [backup.Store].
func (s *Store) Announce(ctx context.Context, notices []backup.Notice) (added int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range notices {
		if err := storable(ctx, n.SubmissionID, string(n.Event), n.Receiver); err != nil {
			return added, err
		}
		of, about := s.submissions[n.SubmissionID], notice{n.Event, n.Receiver}
		if of == nil || of.notices[about] != nil {
			continue
		}
		of.notices[about] = &delivery{at: ms(n.At), next: ms(n.At)}
		added++
	}
	return added, nil
}

// Due implements [backup.Store].
func (s *Store) Due(ctx context.Context, receiver string, now time.Time, limit int) (found []backup.Notice, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := map[string]int64{} // by the notice's id
	for id, of := range s.submissions {
		for about, d := range of.notices {
			if about.receiver != receiver || d.done != 0 || d.next > ms(now) {
				continue
			}
			n := backup.Notice{
				SubmissionID: id,
				Event:        about.event,
				Receiver:     receiver,
				At:           moment(d.at),
				Attempts:     d.attempts,
				Record:       of.now(),
			}
			next[n.ID()] = d.next
			found = append(found, n)
		}
	}
	slices.SortFunc(found, func(a, b backup.Notice) int {
		return cmp.Or(
			cmp.Compare(next[a.ID()], next[b.ID()]),
			cmp.Compare(a.SubmissionID, b.SubmissionID),
			cmp.Compare(a.Event, b.Event),
		)
	})
	return found[:min(limit, len(found))], ctx.Err()
}

// Lease implements [backup.Store].
func (s *Store) Lease(ctx context.Context, n backup.Notice, until time.Time) (taken bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.delivery(n)
	if d == nil || d.attempts != n.Attempts || d.done != 0 || ctx.Err() != nil {
		return false, ctx.Err()
	}
	d.attempts, d.next = d.attempts+1, ms(until)
	return true, nil
}

// Done implements [backup.Store].
func (s *Store) Done(ctx context.Context, n backup.Notice, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.delivery(n)
	if d == nil {
		return backup.ErrNotFound
	}
	d.done = ms(now)
	return ctx.Err()
}

// delivery is that of a notice, or nil.
func (s *Store) delivery(n backup.Notice) *delivery {
	of := s.submissions[n.SubmissionID]
	if of == nil {
		return nil
	}
	return of.notices[notice{n.Event, n.Receiver}]
}
