package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
)

// rejection is a rejection with the progress of its notices by receiver.
type rejection struct {
	backup.Rejection
	notices map[string]*delivery
}

// Reject counts a message that can never be accepted in its row of the history. It implements
// [backup.Rejections].
func (s *Store) Reject(ctx context.Context, r backup.Rejection, most int, receivers []string) (count int, err error) {
	texts := []string{
		r.ID, string(r.Kind), string(r.Door), string(r.Sender.Kind), r.Sender.Subject, r.Origin, r.Reason.En, r.Reason.Zh,
		r.SubmissionID, r.RequestID,
	}
	if err := storable(ctx, texts...); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.rejections[r.ID]; known != nil {
		known.Count++
		if last := fromMillis(ms(r.LastAt)); last.After(known.LastAt) {
			known.LastAt = last
		}
		return known.Count, nil
	}
	inHour := 0
	for _, other := range s.rejections {
		if !other.FirstAt.Before(r.FirstAt.UTC().Truncate(time.Hour)) {
			inHour++
		}
	}
	if inHour >= most {
		return 0, nil
	}
	r.Sender = identity.Principal{Kind: r.Sender.Kind, Subject: r.Sender.Subject}
	r.FirstAt, r.LastAt, r.Count = fromMillis(ms(r.FirstAt)), fromMillis(ms(r.LastAt)), 1
	kept := &rejection{Rejection: r, notices: map[string]*delivery{}}
	for _, receiver := range receivers {
		kept.notices[receiver] = &delivery{at: ms(r.FirstAt), next: ms(r.FirstAt)}
	}
	s.rejections[r.ID] = kept
	return 1, nil
}

// ListRejections returns a page of rejections (refused webhooks and events), newest first. It
// implements [backup.Rejections].
func (s *Store) ListRejections(ctx context.Context, q backup.Query) (found []backup.Rejection, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rejections {
		at := ms(r.FirstAt)
		if (q.From.IsZero() || at >= ms(q.From)) && (q.To.IsZero() || at < ms(q.To)) &&
			(q.Before == nil || compare(r.Place(), *q.Before) < 0) && (q.After == nil || compare(r.Place(), *q.After) > 0) {
			found = append(found, r.Rejection)
		}
	}
	slices.SortFunc(found, func(a, b backup.Rejection) int { return compare(b.Place(), a.Place()) })
	if more := len(found) - q.Limit; more > 0 && q.After != nil {
		found = found[more:]
	}
	return found[:min(q.Limit, len(found))], ctx.Err()
}

// ForgetRejections removes old rejections and their notices. It implements [backup.Rejections].
func (s *Store) ForgetRejections(ctx context.Context, before time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, r := range s.rejections {
		if r.FirstAt.Before(before) {
			delete(s.rejections, id)
		}
	}
	return ctx.Err()
}

// dueRejections returns the notices to the receiver about rejections that are due at now.
func (s *Store) dueRejections(receiver string, now time.Time) (found []backup.Notice) {
	next := map[string]int64{}
	for id, r := range s.rejections {
		d := r.notices[receiver]
		if d == nil || d.done != 0 || d.next > ms(now) {
			continue
		}
		next[id] = d.next
		found = append(found, backup.Notice{
			SubmissionID: id, Event: backup.EventRejected, Receiver: receiver, At: fromMillis(d.at), Attempts: d.attempts,
			Rejection: r.Rejection,
		})
	}
	slices.SortFunc(found, func(a, b backup.Notice) int {
		return cmp.Or(cmp.Compare(next[a.SubmissionID], next[b.SubmissionID]), cmp.Compare(a.SubmissionID, b.SubmissionID))
	})
	return found
}
