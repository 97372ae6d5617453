package audit

import (
	"sync"
	"time"

	"backupportal/function/backup"
)

// Of the events with the same kind and sample key (such as a network address), one is written in
// each samplePeriod. The others are only counted. The sampler keeps maxSampled counts, one for
// each pair of kind and key. When it has so many, events with a new key are counted together with
// the other such events of their kind, and one of them is written in each period.
const (
	samplePeriod = time.Minute
	maxSampled   = 1000
)

// A sampler limits how often equal events are written, such as failed sign-ins. Clients without
// a session can cause these without limit and could fill the audit trail. It is safe for
// concurrent use.
type sampler struct {
	mu   sync.Mutex
	seen map[sampleKey]*count // counters, by the result of keyOf
}

// A sampleKey identifies events that share a counter. Its id is empty if there are too many
// different sample keys.
type sampleKey struct {
	kind backup.AuditKind
	id   string
}

// A count has the number of equal events that were not written, and the last of them.
type count struct {
	last      time.Time         // when one was last written
	unwritten int               // events since then
	event     backup.AuditEvent // the most recent of them
}

// keyOf returns the key under which e is counted: its kind and sample key, or only its kind if
// there are too many sample keys.
func (o *sampler) keyOf(e backup.AuditEvent, now time.Time) sampleKey {
	key := sampleKey{e.Kind, e.SampleKey}
	if o.seen[key] == nil && len(o.seen) >= maxSampled {
		o.evict(now)
		if len(o.seen) >= maxSampled {
			key = sampleKey{kind: e.Kind}
		}
	}
	return key
}

// take reports whether e is to be written now, and how many equal events were not written since
// the last one. An event without a sample key is always written. If the clock was set back, the
// period ends.
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

// putBack adds n to the count of events equal to e. It is called if a record that represents
// them could not be written.
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

// pending returns the counters with unwritten events, by the last of these events, and sets
// them to zero. If all is false, it returns only those whose period has ended.
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

// evict removes counters whose period has ended and that have no unwritten events.
func (o *sampler) evict(now time.Time) {
	for key, c := range o.seen {
		if age := now.Sub(c.last); c.unwritten == 0 && (age < 0 || age >= samplePeriod) {
			delete(o.seen, key)
		}
	}
}
