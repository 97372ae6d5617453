package metric

import (
	"sync"
	"time"
)

// Limits of the sessions that a process remembers. A session that was not used for sessionIdle has
// ended and is not counted. Of more than maxSessions, only maxSessions are counted.
const (
	sessionIdle = time.Hour
	maxSessions = 10_000
)

// sessions counts the sessions of signed-in people that are in use. It remembers when each session
// was last used. The zero value is empty and ready for use. It is safe for concurrent use.
type sessions struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// use records that the session with this id is used at now. It ignores a new session if it knows
// maxSessions already.
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

// inUse returns how many sessions were used within the last sessionIdle, and forgets the others.
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
