package audit

import (
	"sync"
	"time"

	"backupportal/function/backup"
)

// How often an event is written down that strangers can bring about, and how
// many kinds of them are told apart: those beyond are all one.
const (
	oftenPace = time.Minute
	mostOften = 1000
)

// often counts events that are written down now and then.
type often struct {
	mu   sync.Mutex
	seen map[string]*count
}

type count struct {
	last      time.Time // when one was written down
	unwritten int       // since then
}

// take reports whether e is to be written down, and how many like it were not.
func (o *often) take(e backup.AuditEvent, now time.Time) (unwritten int, write bool) {
	if e.Often == "" {
		return 0, true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	key := string(e.Kind) + "\x00" + e.Often
	c := o.seen[key]
	if c == nil && len(o.seen) >= mostOften {
		o.forget(now)
		if len(o.seen) >= mostOften {
			key = string(e.Kind)
			c = o.seen[key]
		}
	}
	if c == nil {
		o.seen[key] = &count{last: now}
		return 0, true
	}
	if age := now.Sub(c.last); age >= 0 && age < oftenPace {
		c.unwritten++
		return 0, false
	}
	unwritten, c.unwritten, c.last = c.unwritten, 0, now
	return unwritten, true
}

// forget forgets those of which nothing would be said any more, or not for long.
func (o *often) forget(now time.Time) {
	for key, c := range o.seen {
		if age := now.Sub(c.last); age < 0 || age >= time.Hour || age >= oftenPace && c.unwritten == 0 {
			delete(o.seen, key)
		}
	}
}
