package aliyun

import (
	"context"
	"crypto/sha256"
	"maps"
	"sync"
	"time"

	"backupportal/function/lenhash"
)

// renewal is how long before their end kept credentials are no longer used.
const renewal = 300 * time.Second

// sessions keeps the credentials of roles, one set for each role, principal
// and operation: what was obtained for one person is never used for another. The
// zero value is empty.
type sessions struct {
	mu  sync.Mutex
	all map[[sha256.Size]byte]*session // hashed, because external ids are secret
}

// A session is the kept credentials of one role.
type session struct {
	turn chan struct{} // full while somebody has the rest: a lock that a context can leave
	keys Credentials
	ends time.Time
}

// mostSessions bounds what a long-lived instance remembers: some 2 KB each.
const mostSessions = 16384

// of returns the session for r, made if there is none. When there are too many,
// those that are over go; if that is not enough all go: they only save calls.
func (s *sessions) of(r role, now time.Time) *session {
	key := r.key()
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.all[key]; ok {
		return known
	}
	if s.all == nil {
		s.all = map[[sha256.Size]byte]*session{}
	}
	if len(s.all) >= mostSessions {
		maps.DeleteFunc(s.all, func(_ [sha256.Size]byte, old *session) bool { return old.over(now) })
	}
	if len(s.all) >= mostSessions {
		clear(s.all) // whoever has one can go on using it
	}
	fresh := &session{turn: make(chan struct{}, 1)}
	s.all[key] = fresh
	return fresh
}

// over reports whether nobody uses s and its credentials are too old to be used.
func (s *session) over(now time.Time) bool {
	select {
	case s.turn <- struct{}{}:
		defer s.leave()
		return !s.good(now)
	default:
		return false
	}
}

// key tells roles apart by everything that AssumeRole is told, and by whom it
// is for: session names may coincide.
func (r role) key() [sha256.Size]byte {
	a := r.account
	return lenhash.Sum(
		a.Alias,
		a.RoleARN(),
		r.principal.ID(),
		sessionName(r.principal),
		a.ExternalID.Reveal(),
		a.Session.String(),
		r.policy,
	)
}

// take waits for the turn to use s.
func (s *session) take(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *session) leave() { <-s.turn }

// good reports whether the credentials will last. It is the wall clock that
// counts: STS does not freeze with the instance.
func (s *session) good(now time.Time) bool {
	return !s.keys.empty() && s.ends.Sub(now.Round(0)) > renewal
}

// drop forgets credentials that the cloud no longer accepts, unless somebody
// has renewed them meanwhile.
func (s *session) drop(ctx context.Context, refused Credentials) {
	if s.take(ctx) != nil {
		return
	}
	defer s.leave()
	if s.keys == refused {
		s.keys, s.ends = Credentials{}, time.Time{}
	}
}
