package metric

import (
	"sync"
	"time"
)

// Limits of the sessions that a process remembers. A session that was not used for sessionIdle
// is not counted; it has ended.
const (
	sessionIdle = time.Hour
	maxSessions = 10_000
)

// sessions remembers when each session of a signed-in person was last used, to count the
// sessions in use. The zero value is empty.
type sessions struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// use records that the session id is used now. A new session is not counted if maxSessions are
// known already.
func (s *sessions) use(id string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		s.last = map[string]time.Time{}
	}
	if _, known := s.last[id]; !known && len(s.last) >= maxSessions {
		return
	}
	s.last[id] = now
}

// inUse returns how many sessions were used within the last sessionIdle. It forgets the others.
func (s *sessions) inUse(now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, last := range s.last {
		if now.Sub(last) >= sessionIdle {
			delete(s.last, id)
		}
	}
	return len(s.last)
}
