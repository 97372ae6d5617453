// Package store remembers submissions and their logs.
package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"backupportal/function/backup"
)

// Memory is a store that forgets everything when the process ends. It is for
// laptops and tests: once a process is gone, a repeated submission can be told
// from a new one only by the cloud's own list. The zero Memory is empty and
// ready for use, by several goroutines.
type Memory struct {
	mu      sync.Mutex
	records map[string]*entry
}

type entry struct {
	record backup.Record
	steps  []backup.Step
	job    backup.Job
}

var _ backup.Store = (*Memory)(nil)

// Claim implements [backup.Store].
func (m *Memory) Claim(_ context.Context, r backup.Record) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.records[r.SubmissionID]; known {
		return false, nil
	}
	if m.records == nil {
		m.records = map[string]*entry{}
	}
	// The caller may go on to change its maps: what is remembered may not change with them.
	r.Params, r.Complete = maps.Clone(r.Params), maps.Clone(r.Complete)
	m.records[r.SubmissionID] = &entry{record: r}
	return true, nil
}

// Find implements [backup.Store].
func (m *Memory) Find(_ context.Context, id string) (backup.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, known := m.records[id]
	if !known {
		return backup.Record{}, backup.ErrNotFound
	}
	return e.now(), nil
}

// Append implements [backup.Store].
func (m *Memory) Append(_ context.Context, id string, s backup.Step) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, known := m.records[id]
	switch {
	case !known:
		return false, backup.ErrNotFound
	case s.N < len(e.steps):
		return e.steps[s.N].Owner == s.Owner, nil
	case s.N > len(e.steps):
		return false, nil // a gap would hide what happened in it
	}
	e.steps = append(e.steps, s)
	return true, nil
}

// See implements [backup.Store].
func (m *Memory) See(_ context.Context, id string, job backup.Job) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, known := m.records[id]
	if !known {
		return backup.ErrNotFound
	}
	// A slow answer must not put an older picture over a newer one.
	if !job.SeenAt.Before(e.job.SeenAt) {
		e.job = job
	}
	return nil
}

// List implements [backup.Store].
func (m *Memory) List(_ context.Context, q backup.Query) ([]backup.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []backup.Record
	for _, e := range m.records {
		if selects(q, e.record) {
			found = append(found, e.now())
		}
	}
	slices.SortFunc(found, newestFirst)
	return found[:min(q.Limit, len(found))], nil
}

// now is the record with the end of its log.
func (e *entry) now() backup.Record {
	r := e.record
	r.Params, r.Complete = maps.Clone(r.Params), maps.Clone(r.Complete)
	r.Last, r.Job = backup.Step{N: -1}, e.job
	if n := len(e.steps); n > 0 {
		r.Last = e.steps[n-1]
	}
	return r
}

// selects reports whether r belongs to the list that q asks for.
func selects(q backup.Query, r backup.Record) bool {
	if q.Principal != "" && r.Principal.ID() != q.Principal {
		return false
	}
	if q.Before.IsZero() {
		return true
	}
	return r.CreatedAt.Before(q.Before) || r.CreatedAt.Equal(q.Before) && r.SubmissionID < q.BeforeID
}

func newestFirst(a, b backup.Record) int {
	return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.SubmissionID, a.SubmissionID))
}
