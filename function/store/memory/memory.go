// Package memory is a store for tests of what is built on stores.
//
// It passes the conformance suite that the databases pass (storetest), and does
// nothing but what that suite asks for: no schema, no time-outs, no other
// processes. Tests about those need a database.
package memory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// A Store keeps submissions, limits and an audit trail in memory. Its methods
// are safe for concurrent use.
type Store struct {
	mu          sync.Mutex
	submissions map[string]*submission
	byKey       map[string][]*submission // the uses of a key, in their order
	audit       map[string]map[int64]backup.AuditRow
	limits      limits
}

var (
	_ backup.Store  = (*Store)(nil)
	_ backup.Limits = (*Store)(nil)
)

// New makes an empty store.
func New() *Store {
	return &Store{
		submissions: map[string]*submission{},
		byKey:       map[string][]*submission{},
		audit:       map[string]map[int64]backup.AuditRow{},
		limits: limits{
			admissions: map[string]admission{},
			rates:      map[string]int64{},
			quotas:     map[dayOf]int{},
			cooldowns:  map[string]cooldown{},
		},
	}
}

// A submission is all that is kept of one.
type submission struct {
	record  backup.Record // as it was claimed
	key     string
	turn    int
	steps   []backup.Step
	job     *job         // nil while there is none
	state   backup.State // that it ended in; empty before
	notices map[notice]*delivery
}

type job struct {
	asked, seen int64 // milliseconds
	ended       bool
	picture     backup.Job
	cancelled   backup.Cancellation
}

type notice struct {
	event    backup.Event
	receiver string
}

type delivery struct {
	at, next, done int64 // milliseconds; 0 is never
	attempts       int
}

// now is the submission as its readers get it, who may change it.
func (s *submission) now() backup.Record {
	r := s.record
	r.Params, r.Complete, r.Denied = maps.Clone(r.Params), maps.Clone(r.Complete), slices.Clone(r.Denied)
	r.Last = backup.Step{N: -1}
	if len(s.steps) > 0 {
		r.Last = s.steps[len(s.steps)-1]
	}
	if s.job != nil {
		r.AskedAt, r.Job, r.Cancellation = moment(s.job.asked), s.job.picture, s.job.cancelled
	}
	return r
}

// Claim implements [backup.Store].
func (s *Store) Claim(ctx context.Context, r backup.Record) (known backup.Record, ours bool, err error) {
	key := r.SubmissionID
	texts := []string{
		key,
		r.Fingerprint,
		string(r.Door),
		r.Principal.ID(),
		r.Principal.Name,
		r.AccountID,
		string(r.Access),
		r.JobName,
	}
	for _, params := range []param.Params{r.Params, r.Complete} {
		for name, value := range params {
			texts = append(texts, name, value)
		}
	}
	if err := storable(ctx, texts...); err != nil {
		return backup.Record{}, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	turn := 0
	for _, use := range s.byKey[key] {
		if use.record.ExpiresAt.UnixMilli() > r.CreatedAt.UnixMilli() {
			return s.newest(key).now(), false, nil
		}
		turn = use.turn + 1
	}
	if turn > 0 {
		use := fmt.Sprint("-", turn+1)
		name := strings.TrimSuffix(r.JobName, "-"+key)
		r.SubmissionID = key + use
		r.JobName = name[:min(len(name), max(63-len(r.SubmissionID), 0))] + "-" + r.SubmissionID
	}
	r.Key, r.Last = "", backup.Step{N: -1}
	kept := &submission{record: stored(r), key: key, turn: turn, notices: map[notice]*delivery{}}
	if r.Denied != nil {
		kept.state = backup.StateDenied
	}
	s.submissions[r.SubmissionID] = kept
	s.byKey[key] = append(s.byKey[key], kept)
	return r, true, nil
}

// stored is what a database keeps of a record.
func stored(r backup.Record) backup.Record {
	by := r.Principal
	r.Principal = identity.Principal{Issuer: by.Issuer, Subject: by.Subject, Name: by.Name}
	r.Principal.Issuer, r.Principal.Subject, _ = strings.Cut(by.ID(), "#")
	r.CreatedAt, r.ExpiresAt = moment(ms(r.CreatedAt)), moment(ms(r.ExpiresAt))
	r.Params, r.Complete, r.Denied = maps.Clone(r.Params), maps.Clone(r.Complete), slices.Clone(r.Denied)
	if r.Complete["JobName"] != "" {
		r.Complete["JobName"] = r.JobName
	}
	return r
}

// newest is the last use of a key, or nil.
func (s *Store) newest(key string) *submission {
	capabilities := s.byKey[key]
	if len(capabilities) == 0 {
		return nil
	}
	return capabilities[len(capabilities)-1]
}

// Known implements [backup.Store].
func (s *Store) Known(ctx context.Context, key string, now time.Time) (backup.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	use := s.newest(key)
	if use == nil || !now.Before(use.record.ExpiresAt) {
		return backup.Record{}, cmp.Or(ctx.Err(), backup.ErrNotFound)
	}
	return use.now(), ctx.Err()
}

// Find implements [backup.Store].
func (s *Store) Find(ctx context.Context, id string) (r backup.Record, err error) {
	err = s.change(ctx, id, func(found *submission) error {
		r = found.now()
		return nil
	})
	return r, err
}

// change does something with one submission.
func (s *Store) change(ctx context.Context, id string, do func(*submission) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.submissions[id]
	if found == nil {
		return backup.ErrNotFound
	}
	return do(found)
}

// Append implements [backup.Store].
func (s *Store) Append(
	ctx context.Context,
	id string,
	step backup.Step,
	audit ...backup.AuditRow,
) (ours bool, err error) {
	if err := storable(ctx, id, string(step.Kind), step.Owner, step.JobID, step.Code, step.Message, step.RequestID); err != nil {
		return false, err
	}
	step.At, step.Until = moment(ms(step.At)), moment(ms(step.Until))
	err = s.change(ctx, id, func(to *submission) error {
		switch n := len(to.steps); {
		case step.N > n: // a gap
			return nil
		case step.N < n:
			if to.steps[step.N].Owner != step.Owner {
				return nil
			}
		case n > 0 && to.steps[n-1].Kind != backup.StepAttempt && to.steps[n-1].Kind != backup.StepNotSent:
			return nil
		}
		if err := s.addRows(audit); err != nil {
			return err
		}
		if step.N == len(to.steps) {
			to.steps = append(to.steps, step)
		}
		ours = true
		return nil
	})
	return ours, err
}

// Steps returns the log of a submission; it is empty if there is none.
func (s *Store) Steps(id string) []backup.Step {
	s.mu.Lock()
	defer s.mu.Unlock()
	if of := s.submissions[id]; of != nil {
		return slices.Clone(of.steps)
	}
	return nil
}

// madeJob is the job of the submission. It is made if there is none.
func (s *submission) madeJob() *job {
	if s.job == nil {
		s.job = &job{}
	}
	return s.job
}

// See implements [backup.Store].
func (s *Store) See(ctx context.Context, id string, picture backup.Job) error {
	if err := storable(ctx, picture.JobID, picture.JobName, string(picture.Status), picture.ErrorMessage); err != nil {
		return err
	}
	return s.change(ctx, id, func(of *submission) error {
		first := of.job == nil
		j, seen, ended := of.madeJob(), ms(picture.SeenAt), picture.Status.IsTerminal()
		j.asked = max(j.asked, seen)
		if first || ended && !j.ended || ended == j.ended && seen >= j.seen {
			j.seen, j.ended, j.picture = seen, ended, picture
		}
		return nil
	})
}

// Ask implements [backup.Store].
func (s *Store) Ask(ctx context.Context, id string, now time.Time, pace time.Duration) (may bool, err error) {
	if err := storable(ctx, id); err != nil {
		return false, err
	}
	err = s.change(ctx, id, func(of *submission) error {
		if may = of.job == nil || of.job.asked <= ms(now)-pace.Milliseconds(); may {
			of.madeJob().asked = ms(now)
		}
		return nil
	})
	if errors.Is(err, backup.ErrNotFound) {
		return false, nil
	}
	return may, err
}

// Cancel implements [backup.Store].
func (s *Store) Cancel(ctx context.Context, id string, c backup.Cancellation) error {
	by := identity.Principal{Name: c.By.Name}
	by.Issuer, by.Subject, _ = strings.Cut(c.By.ID(), "#")
	return s.change(ctx, id, func(of *submission) error {
		of.madeJob().cancelled = backup.Cancellation{By: by, At: moment(ms(c.At))}
		return nil
	})
}

// MarkFinal implements [backup.Store].
func (s *Store) MarkFinal(ctx context.Context, id string, state backup.State) error {
	return s.change(ctx, id, func(of *submission) error {
		of.state = state
		return nil
	})
}

// Forget implements [backup.Store].
func (s *Store) Forget(ctx context.Context, before, now time.Time, limit int) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.selected(func(of *submission) bool {
		return of.record.CreatedAt.Before(before) && !now.Before(of.record.ExpiresAt)
	})
	slices.Reverse(old) // oldest first
	for _, of := range old[:min(limit, len(old))] {
		delete(s.submissions, of.record.SubmissionID)
		s.byKey[of.key] = slices.DeleteFunc(s.byKey[of.key], func(use *submission) bool { return use == of })
		n++
	}
	return n, ctx.Err()
}

// ms is a time as it is stored; 0 is none.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// storable refuses texts that PostgreSQL does not take, and a context that is
// over.
func storable(ctx context.Context, texts ...string) error {
	for i, s := range texts {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return fmt.Errorf("value %d is not valid text: it has a zero byte or is not UTF-8", i+1)
		}
	}
	return ctx.Err()
}
