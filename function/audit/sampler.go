package audit

import (
	"sync"
	"time"

	"backupportal/function/backup"
)

// How often an event is written down that strangers can bring about, and how
// many kinds of them are told apart: those beyond are all one.
const (
	samplePeriod = time.Minute
	maxSampled   = 1000
)

// sampler counts events that are written down now and then.
type sampler struct {
	mu   sync.Mutex
	seen map[sampleKey]*count
}

// A sampleKey is what is counted together; id is empty if there is no room.
type sampleKey struct {
	kind backup.AuditKind
	id   string
}

type count struct {
	last      time.Time // when one was written down
	unwritten int       // since then
	event     backup.AuditEvent
}

// keyOf is how an event is counted. Those for which there is no room are counted as
// their kind.
func (o *sampler) keyOf(e backup.AuditEvent, now time.Time) sampleKey {
	key := sampleKey{e.Kind, e.SampleKey}
	if o.seen[key] == nil && len(o.seen) >= maxSampled {
		o.forget(now)
		if len(o.seen) >= maxSampled {
			key = sampleKey{kind: e.Kind}
		}
	}
	return key
}

// take reports whether e is to be written down, and how many like it were not.
func (o *sampler) take(e backup.AuditEvent, now time.Time) (unwritten int, write bool) {
	if e.SampleKey == "" {
		return 0, true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	key := o.keyOf(e, now)
	c := o.seen[key]
	if c == nil {
		o.seen[key] = &count{last: now, event: e}
		return 0, true
	}
	c.event = e
	if age := now.Sub(c.last); age >= 0 && age < samplePeriod {
		c.unwritten++
		return 0, false
	}
	unwritten, c.unwritten, c.last = c.unwritten, 0, now
	return unwritten, true
}

// putBack counts events again that could not be written down.
func (o *sampler) putBack(e backup.AuditEvent, n int, now time.Time) {
	if e.SampleKey == "" || n == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	key := o.keyOf(e, now)
	if o.seen[key] == nil {
		o.seen[key] = &count{last: now, event: e}
	}
	o.seen[key].unwritten += n
}

// pending takes what was counted and is not written down yet: all of it, or what is a
// pace old. Its events are the last ones of their kind.
func (o *sampler) pending(now time.Time, all bool) map[*backup.AuditEvent]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	found := map[*backup.AuditEvent]int{}
	for _, c := range o.seen {
		if age := now.Sub(c.last); c.unwritten > 0 && (all || age < 0 || age >= samplePeriod) {
			e := c.event
			found[&e], c.unwritten, c.last = c.unwritten, 0, now
		}
	}
	return found
}

// forget forgets those of which nothing is left to be said.
func (o *sampler) forget(now time.Time) {
	for key, c := range o.seen {
		if age := now.Sub(c.last); c.unwritten == 0 && (age < 0 || age >= samplePeriod) {
			delete(o.seen, key)
		}
	}
}
