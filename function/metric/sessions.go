package metric

import (
	"sync"
	"time"
)

// Limits of the sessions that a process remembers. A session that was not used for sessionIdle is not
// counted; it has ended.
const (
	sessionIdle = time.Hour
	maxSessions = 10_000
)

// sessions remembers when sessions were last used. The zero value is empty.
type sessions struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// use notes the use of a session. If too many are known, a new one is not counted.
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

// inUse returns how many sessions were used within sessionIdle, and forgets the others.
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
