package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"backupportal/function/backup"
)

// gap is a gap with the progress of its notices.
type gap struct {
	backup.Gap
	notices map[notice]*delivery
}

// tell adds a notice about g for each of the receivers.
func (g *gap) tell(e backup.Event, at time.Time, receivers []string) {
	for _, receiver := range receivers {
		g.notices[notice{e, receiver}] = &delivery{at: ms(at), next: ms(at)}
	}
}

// OpenGap implements [backup.Gaps].
func (s *Store) OpenGap(ctx context.Context, g backup.Gap, receivers []string) (bool, error) {
	if err := storable(ctx, g.ID, g.Expectation, g.Account, g.Region, g.Resource, g.Name); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.gaps {
		if other.MendedAt.IsZero() && compareGaps(other.Gap, g) == 0 {
			return false, nil
		}
	}
	g.LastGood, g.Since, g.MendedAt = fromMillis(ms(g.LastGood)), fromMillis(ms(g.Since)), time.Time{}
	kept := &gap{g, map[notice]*delivery{}}
	kept.tell(backup.EventMissing, g.Since, receivers)
	s.gaps[g.ID] = kept
	return true, nil
}

// CloseGap implements [backup.Gaps].
func (s *Store) CloseGap(ctx context.Context, id string, at time.Time, receivers []string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.gaps[id]
	if g == nil || !g.MendedAt.IsZero() || ctx.Err() != nil {
		return false, ctx.Err()
	}
	g.MendedAt = fromMillis(ms(at))
	g.tell(backup.EventMended, at, receivers)
	return true, nil
}

// compareGaps orders gaps by expectation, account, region and resource.
func compareGaps(a, b backup.Gap) int {
	return cmp.Or(
		cmp.Compare(a.Expectation, b.Expectation), cmp.Compare(a.Account, b.Account),
		cmp.Compare(a.Region, b.Region), cmp.Compare(a.Resource, b.Resource),
	)
}

// OpenGaps implements [backup.Gaps].
func (s *Store) OpenGaps(ctx context.Context) (found []backup.Gap, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.gaps {
		if g.MendedAt.IsZero() {
			found = append(found, g.Gap)
		}
	}
	slices.SortFunc(found, compareGaps)
	return found, ctx.Err()
}

// ForgetGaps implements [backup.Gaps].
func (s *Store) ForgetGaps(ctx context.Context, before time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, g := range s.gaps {
		if !g.MendedAt.IsZero() && g.MendedAt.Before(before) {
			delete(s.gaps, id)
		}
	}
	return ctx.Err()
}

// dueGaps returns the notices to the receiver about gaps that are due at now.
func (s *Store) dueGaps(receiver string, now time.Time) (found []backup.Notice) {
	next := map[string]int64{}
	for id, g := range s.gaps {
		for key, d := range g.notices {
			if key.receiver != receiver || d.done != 0 || d.next > ms(now) {
				continue
			}
			n := backup.Notice{
				SubmissionID: id, Event: key.event, Receiver: receiver, At: fromMillis(d.at), Attempts: d.attempts, Gap: g.Gap,
			}
			next[n.ID()] = d.next
			found = append(found, n)
		}
	}
	slices.SortFunc(found, func(a, b backup.Notice) int {
		return cmp.Or(cmp.Compare(next[a.ID()], next[b.ID()]), cmp.Compare(a.SubmissionID, b.SubmissionID), cmp.Compare(a.Event, b.Event))
	})
	return found
}
