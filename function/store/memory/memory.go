// Package memory is a store for tests of code that uses a store.
//
// The store passes the same conformance suite as the databases (storetest). It has no schema, no
// time limits and no restarts, and it serves one process only. Tests of schemas, time limits,
// restarts or several processes need a database. All data of a [Store] is in maps behind one mutex:
//
//	submissions  by submission id: the record, its steps, job, final state and notices
//	byKey        by the id of a key's first use: its uses, oldest first
//	rejections   by id, with their notices
//	gaps         by id, with their notices
//	audit        by chain and number: rows of the audit trail
//	limits       reservations, rates, quotas and cool-downs
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

// Store implements [backup.Store], [backup.Limits] and the audit trail in memory. Its methods
// are safe for concurrent use. Use [New]; the zero value is not usable.
type Store struct {
	mu          sync.Mutex
	submissions map[string]*submission
	byKey       map[string][]*submission             // the uses of a key, oldest first
	audit       map[string]map[int64]backup.AuditRow // rows by chain and number
	limits      limits
	rejections  map[string]*rejection
	gaps        map[string]*gap
}

// Store implements all interfaces that package backup needs from a database.
var (
	_ backup.Store  = (*Store)(nil)
	_ backup.Limits = (*Store)(nil)
)

// New returns an empty store.
func New() *Store {
	return &Store{
		rejections:  map[string]*rejection{},
		gaps:        map[string]*gap{},
		submissions: map[string]*submission{},
		byKey:       map[string][]*submission{},
		audit:       map[string]map[int64]backup.AuditRow{},
		limits: limits{
			reservations: map[string]reservation{},
			rates:        map[string]int64{},
			quotas:       map[quotaDay]int{},
			cooldowns:    map[string]cooldown{},
		},
	}
}

// submission is one use of a key, with all data of that use.
type submission struct {
	record  backup.Record // the record at the time of the claim
	key     string        // id of the key's first use
	number  int           // number of the use, from 0
	steps   []backup.Step
	job     *job         // nil before the first request about the job
	state   backup.State // final state for lists; empty if the submission is not final
	notices map[notice]*delivery
}

// job is the last known description of a submission's job.
type job struct {
	asked, seen int64      // milliseconds: when the cloud was asked last, and SeenAt of latest
	ended       bool       // the status of latest is terminal
	latest      backup.Job // the stored description
	cancelled   backup.Cancellation
}

// notice identifies a notice of one submission by its event and its receiver.
type notice struct {
	event    backup.Event
	receiver string
}

// delivery is the progress of a notice: when the event happened, when the notice is due, and when
// the notice was done.
type delivery struct {
	at, next, done int64 // milliseconds; 0 means never
	attempts       int
}

// snapshot returns the current record. Its maps and slices are copies, so a caller may change them.
func (s *submission) snapshot() backup.Record {
	r := s.record
	r.Params, r.Complete, r.Denied = maps.Clone(r.Params), maps.Clone(r.Complete), slices.Clone(r.Denied)
	r.Last = backup.Step{N: -1}
	if len(s.steps) > 0 {
		r.Last = s.steps[len(s.steps)-1]
	}
	if s.job != nil {
		r.AskedAt, r.Job, r.Cancellation = fromMillis(s.job.asked), s.job.latest, s.job.cancelled
	}
	return r
}

// Claim stores a submission under its idempotency key, unless the key is in use. It returns the
// submission that the key stands for. It implements [backup.Claims].
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
	if r.Pace.Burst > 0 {
		if wait := s.limits.wait(r.Pace, r.CreatedAt); wait > 0 {
			return backup.Record{}, false, &backup.LimitError{Err: backup.ErrRequests, Key: r.Pace.Key, RetryAfter: wait}
		}
		s.limits.take(r.Pace, r.CreatedAt)
		r.Pace = backup.Rate{}
	}
	number := 0
	for _, use := range s.byKey[key] {
		if use.record.ExpiresAt.UnixMilli() > r.CreatedAt.UnixMilli() {
			return s.newest(key).snapshot(), false, nil
		}
		number = use.number + 1
	}
	// A later use of the key has a new id and a new job name, so that its job is never taken for
	// the job of an earlier use. Cloud Backup limits names to 64 characters: the label may be cut,
	// but the id is never cut.
	if number > 0 {
		use := fmt.Sprint("-", number+1)
		name := strings.TrimSuffix(r.JobName, "-"+key)
		r.SubmissionID = key + use
		r.JobName = name[:min(len(name), max(63-len(r.SubmissionID), 0))] + "-" + r.SubmissionID
	}
	r.Key, r.Last = "", backup.Step{N: -1}
	kept := &submission{record: asStored(r), key: key, number: number, notices: map[notice]*delivery{}}
	// A refusal by the policy never changes, so the submission is final at once.
	if r.Denied != nil {
		kept.state = backup.StateDenied
	}
	s.submissions[r.SubmissionID] = kept
	s.byKey[key] = append(s.byKey[key], kept)
	return r, true, nil
}

// asStored returns r as a database stores it: times in milliseconds, and only the id and the name
// of the principal. Maps and slices are copied.
func asStored(r backup.Record) backup.Record {
	by := r.Principal
	r.Principal = identity.Principal{Issuer: by.Issuer, Subject: by.Subject, Name: by.Name}
	r.Principal.Issuer, r.Principal.Subject, _ = strings.Cut(by.ID(), "#")
	r.CreatedAt, r.ExpiresAt = fromMillis(ms(r.CreatedAt)), fromMillis(ms(r.ExpiresAt))
	r.Params, r.Complete, r.Denied = maps.Clone(r.Params), maps.Clone(r.Complete), slices.Clone(r.Denied)
	if r.Complete["JobName"] != "" {
		r.Complete["JobName"] = r.JobName
	}
	return r
}

// newest returns the last use of a key, or nil for an unused key.
func (s *Store) newest(key string) *submission {
	uses := s.byKey[key]
	if len(uses) == 0 {
		return nil
	}
	return uses[len(uses)-1]
}

// Known returns the submission that an idempotency key stands for. It implements
// [backup.Claims].
func (s *Store) Known(ctx context.Context, key string, now time.Time) (backup.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	use := s.newest(key)
	if use == nil || !now.Before(use.record.ExpiresAt) {
		return backup.Record{}, cmp.Or(ctx.Err(), backup.ErrNotFound)
	}
	return use.snapshot(), ctx.Err()
}

// SetResourceName stores the name of the backed-up resource with a submission. It implements
// [backup.Claims].
func (s *Store) SetResourceName(ctx context.Context, id, name string) error {
	if err := storable(ctx, id, name); err != nil {
		return err
	}
	return s.change(ctx, id, func(to *submission) error {
		to.record.ResourceName = name
		return nil
	})
}

// Find returns a submission with the last step of its log and its job. It implements
// [backup.Steps].
func (s *Store) Find(ctx context.Context, id string) (r backup.Record, err error) {
	err = s.change(ctx, id, func(found *submission) error {
		r = found.snapshot()
		return nil
	})
	return r, err
}

// change calls do with a submission while the store is locked. The error is [backup.ErrNotFound],
// the error of ctx, or the error of do.
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

// Append adds a step to the log of a submission, unless the log has a step with that number. It
// implements [backup.Steps].
func (s *Store) Append(
	ctx context.Context,
	id string,
	step backup.Step,
	audit ...backup.AuditRow,
) (ours bool, err error) {
	if err := storable(ctx, id, string(step.Kind), step.Owner, step.JobID, step.Code, step.Message, step.RequestID); err != nil {
		return false, err
	}
	step.At, step.Until = fromMillis(ms(step.At)), fromMillis(ms(step.Until))
	return sealed(ctx, audit, func(audit []backup.AuditRow) (bool, error) { return s.addStep(ctx, id, step, audit) })
}

// CheckClock returns an error if a time differs too much from the store's clock. It implements
// [backup.Steps]. The store has no clock, so every time is right.
func (s *Store) CheckClock(context.Context, time.Time) error { return nil }

// addStep adds a step and rows of the audit trail, both or neither. See Append.
func (s *Store) addStep(ctx context.Context, id string, step backup.Step, audit []backup.AuditRow) (ours bool, err error) {
	err = s.change(ctx, id, func(to *submission) error {
		switch n := len(to.steps); {
		case step.N > n: // a gap
			return nil
		// A step with this number exists. It is the caller's if it has the same owner. Any other
		// owner was too late.
		case step.N < n:
			if to.steps[step.N].Owner != step.Owner {
				return nil
			}
		// No step can follow a final step.
		case n > 0 && to.steps[n-1].Kind != backup.StepAttempt && to.steps[n-1].Kind != backup.StepNotSent:
			return nil
		}
		if err := s.addRows(audit); err != nil {
			return err
		}
		to.announce(step.Notices)
		if step.Notices = nil; step.N == len(to.steps) {
			to.steps = append(to.steps, step)
		}
		ours = true
		return nil
	})
	return ours, err
}

// Steps returns a copy of the log of a submission, or nil for an unknown id. Tests use it.
func (s *Store) Steps(id string) []backup.Step {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub := s.submissions[id]; sub != nil {
		return slices.Clone(sub.steps)
	}
	return nil
}

// ensureJob returns the job of the submission. It creates an empty job if necessary.
func (s *submission) ensureJob() *job {
	if s.job == nil {
		s.job = &job{}
	}
	return s.job
}

// UpdateJob stores what the cloud said about a submission's job, unless a better description is
// stored. It implements [backup.Jobs].
func (s *Store) UpdateJob(ctx context.Context, id string, latest backup.Job) error {
	if err := storable(ctx, latest.JobID, latest.JobName, string(latest.Status), latest.ErrorMessage); err != nil {
		return err
	}
	return s.change(ctx, id, func(sub *submission) error {
		first := sub.job == nil
		j, seen, ended := sub.ensureJob(), ms(latest.SeenAt), latest.Status.IsTerminal()
		j.asked = max(j.asked, seen)
		// A terminal status is never replaced by a status that is not terminal. Otherwise the newer
		// description replaces the older one.
		if first || ended && !j.ended || ended == j.ended && seen >= j.seen {
			j.seen, j.ended, j.latest = seen, ended, latest
		}
		return nil
	})
}

// StartRefresh reports whether the caller may ask the cloud about a job now: only one caller
// may in each interval. It implements [backup.Jobs].
func (s *Store) StartRefresh(ctx context.Context, id string, now time.Time, interval time.Duration) (may bool, err error) {
	if err := storable(ctx, id); err != nil {
		return false, err
	}
	err = s.change(ctx, id, func(sub *submission) error {
		if may = sub.job == nil || sub.job.asked <= ms(now)-interval.Milliseconds(); may {
			sub.ensureJob().asked = ms(now)
		}
		return nil
	})
	if errors.Is(err, backup.ErrNotFound) {
		return false, nil
	}
	return may, err
}

// Cancel stores who cancelled the job of a submission. It implements [backup.Jobs].
func (s *Store) Cancel(ctx context.Context, id string, c backup.Cancellation) error {
	by := identity.Principal{Name: c.By.Name}
	by.Issuer, by.Subject, _ = strings.Cut(c.By.ID(), "#")
	return s.change(ctx, id, func(sub *submission) error {
		sub.ensureJob().cancelled = backup.Cancellation{By: by, At: fromMillis(ms(c.At))}
		return nil
	})
}

// MarkFinal stores a copy of the final state of a submission. It implements [backup.Jobs].
func (s *Store) MarkFinal(ctx context.Context, id string, state backup.State) error {
	return s.change(ctx, id, func(sub *submission) error {
		sub.state = state
		return nil
	})
}

// Forget removes old submissions. It implements [backup.Upkeep].
func (s *Store) Forget(ctx context.Context, before, now time.Time, limit int) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.selected(func(sub *submission) bool {
		return sub.record.CreatedAt.Before(before) && !now.Before(sub.record.ExpiresAt)
	})
	slices.Reverse(old) // oldest first
	for _, sub := range old[:min(limit, len(old))] {
		delete(s.submissions, sub.record.SubmissionID)
		s.byKey[sub.key] = slices.DeleteFunc(s.byKey[sub.key], func(use *submission) bool { return use == sub })
		n++
	}
	return n, ctx.Err()
}

// ms returns a time in the form that databases store: milliseconds since 1970, or 0 for the zero
// time.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// fromMillis converts milliseconds since 1970, as ms returns them, to a time.
func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// storable returns an error for a text that PostgreSQL refuses (a text with a zero byte, or not in
// UTF-8), or the error of ctx. Therefore a test with this store fails where a test with a database
// would fail.
func storable(ctx context.Context, texts ...string) error {
	for i, s := range texts {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return fmt.Errorf("value %d is not valid text: it has a zero byte or is not UTF-8", i+1)
		}
	}
	return ctx.Err()
}
