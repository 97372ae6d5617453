package memory

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"backupportal/function/backup"
)

// selected returns the submissions for which match is true, newest first.
func (s *Store) selected(match func(*submission) bool) (found []*submission) {
	for _, sub := range s.submissions {
		if match(sub) {
			found = append(found, sub)
		}
	}
	slices.SortFunc(found, func(a, b *submission) int { return compare(b.record.Place(), a.record.Place()) })
	return found
}

// compare orders places by time, then by id. The result is negative if a is older than b.
func compare(a, b backup.Place) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
}

// List returns a page of submissions, newest first. It implements [backup.Lists].
func (s *Store) List(ctx context.Context, q backup.Query) (page []backup.Record, err error) {
	is := func(want, got string) bool { return want == "" || want == got }
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.selected(func(sub *submission) bool {
		r := sub.record
		return is(q.Principal, r.Principal.ID()) && is(q.Account, r.Account()) && is(q.Resource, r.Resource()) &&
			is(string(q.SourceType), string(r.Complete.SourceType())) && contains(r, q.Search) &&
			(q.States == nil || sub.state == "" || slices.Contains(q.States, sub.state)) &&
			(q.From.IsZero() || ms(r.CreatedAt) >= ms(q.From)) && (q.To.IsZero() || ms(r.CreatedAt) < ms(q.To)) &&
			(q.Before == nil || compare(r.Place(), *q.Before) < 0) && (q.After == nil || compare(r.Place(), *q.After) > 0)
	})
	// If q.After is set, the page has the records nearest to that place. These are the oldest of
	// the found records.
	if more := len(found) - q.Limit; more > 0 && q.After != nil {
		found = found[more:]
	}
	for _, sub := range found[:min(q.Limit, len(found))] {
		page = append(page, sub.snapshot())
	}
	return page, ctx.Err()
}

// contains reports whether one of the texts of r that a search finds contains part.
func contains(r backup.Record, part string) bool {
	texts := []string{r.ResourceName, r.Resource(), r.SearchText(), r.Principal.Name, r.JobName}
	return slices.ContainsFunc(texts, func(text string) bool {
		return strings.Contains(strings.ToLower(text), strings.ToLower(part))
	})
}

// Open returns submissions that are not marked as final, for the regular background run
// (sweep). It implements [backup.Upkeep].
func (s *Store) Open(ctx context.Context, after string, limit int) (page []backup.Record, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.selected(func(sub *submission) bool { return sub.state == "" && sub.record.SubmissionID > after })
	slices.SortFunc(found, func(a, b *submission) int {
		return cmp.Compare(a.record.SubmissionID, b.record.SubmissionID)
	})
	for _, sub := range found[:min(limit, len(found))] {
		page = append(page, sub.snapshot())
	}
	return page, ctx.Err()
}

// Announce stores those notices (messages to be sent) that are not stored yet. It implements
// [backup.Notices].
func (s *Store) Announce(ctx context.Context, notices []backup.Notice) (added int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range notices {
		if err := storable(ctx, n.SubmissionID, string(n.Event), n.Receiver); err != nil {
			return added, err
		}
		if sub := s.submissions[n.SubmissionID]; sub != nil {
			added += sub.announce([]backup.Notice{n})
		}
	}
	return added, nil
}

// announce stores those of the notices about s that are not stored yet, and returns how many it
// stored.
func (s *submission) announce(notices []backup.Notice) (added int) {
	for _, n := range notices {
		key := notice{n.Event, n.Receiver}
		if s.notices[key] != nil {
			continue
		}
		s.notices[key] = &delivery{at: ms(n.At), next: ms(n.At)}
		added++
	}
	return added
}

// Due returns the notices to a receiver that must be sent now. It implements [backup.Notices].
func (s *Store) Due(ctx context.Context, receiver string, now time.Time, limit int) (found []backup.Notice, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := map[string]int64{} // when the notice is due, by the notice's id
	rejected := s.dueRejections(receiver, now)
	for id, sub := range s.submissions {
		for key, d := range sub.notices {
			if key.receiver != receiver || d.done != 0 || d.next > ms(now) {
				continue
			}
			n := backup.Notice{
				SubmissionID: id,
				Event:        key.event,
				Receiver:     receiver,
				At:           fromMillis(d.at),
				Attempts:     d.attempts,
				Record:       sub.snapshot(),
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
	found = slices.Concat(s.dueGaps(receiver, now), rejected, found)
	return found[:min(limit, len(found))], ctx.Err()
}

// Lease gives the caller the right to send a notice until a stated time, unless another process
// has it. It implements [backup.Notices].
func (s *Store) Lease(ctx context.Context, n backup.Notice, until time.Time) (taken bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.delivery(n)
	// If the number of attempts has changed, another process has leased the notice since this
	// process read it.
	if d == nil || d.attempts != n.Attempts || d.done != 0 || ctx.Err() != nil {
		return false, ctx.Err()
	}
	d.attempts, d.next = d.attempts+1, ms(until)
	return true, nil
}

// Done marks a notice as finished, so that it is never sent again. It implements
// [backup.Notices].
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

// delivery returns the stored progress of n, or nil if the store has no such notice.
func (s *Store) delivery(n backup.Notice) *delivery {
	if n.Event == backup.EventRejected {
		if r := s.rejections[n.SubmissionID]; r != nil {
			return r.notices[n.Receiver]
		}
		return nil
	}
	key := notice{n.Event, n.Receiver}
	if g := s.gaps[n.SubmissionID]; g != nil {
		return g.notices[key]
	}
	sub := s.submissions[n.SubmissionID]
	if sub == nil {
		return nil
	}
	return sub.notices[key]
}

// Waiting returns how many notices wait to be sent, and since when. It implements
// [backup.Notices].
func (s *Store) Waiting(ctx context.Context, receiver string) (backup.Waiting, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := backup.Waiting{Receiver: receiver}
	for _, sub := range s.submissions {
		for key, d := range sub.notices {
			if key.receiver == receiver && d.done == 0 {
				all.Add(1, fromMillis(d.at))
			}
		}
	}
	for _, g := range s.gaps {
		for key, d := range g.notices {
			if key.receiver == receiver && d.done == 0 {
				all.Add(1, fromMillis(d.at))
			}
		}
	}
	for _, r := range s.rejections {
		if d := r.notices[receiver]; d != nil && d.done == 0 {
			all.Add(1, fromMillis(d.at))
		}
	}
	return all, ctx.Err()
}
