package memory

import (
	"context"
	"slices"
	"strings"
	"time"

	"backupportal/function/backup"
)

// limits are what is used of them.
type limits struct {
	admissions map[string]admission
	rates      map[string]int64 // when the next would be on time, in milliseconds
	quotas     map[dayOf]int
	cooldowns  map[string]cooldown
}

// An admission is what a submission holds, by its key.
type admission struct {
	at     int64 // milliseconds
	held   int   // number of the attempt that it is held for, from 1; 0 if it was given back
	day    string
	quotas []string
	cooled string
}

type dayOf struct{ key, day string }

type cooldown struct {
	owner string
	until int64 // milliseconds
}

// Reserve implements [backup.Limits].
func (s *Store) Reserve(ctx context.Context, a backup.Reservation) (*backup.LimitError, error) {
	texts := []string{a.Key, a.Resource}
	for _, r := range a.Grant.Rates {
		texts = append(texts, r.Key)
	}
	for _, q := range a.Grant.Quotas {
		texts = append(texts, q.Key)
	}
	if err := storable(ctx, texts...); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &s.limits
	before, known := l.admissions[a.Key]
	first := !known || before.at <= ms(a.Now.Add(-backup.KeyExpires))
	if !first && before.held > 0 {
		before.held = max(before.held, a.Attempt+1)
		l.admissions[a.Key] = before
		return nil, nil
	}
	if limit := l.inTheWay(a, first); limit != nil {
		return limit, nil
	}
	holds := admission{at: before.at, held: a.Attempt + 1, day: a.Now.UTC().Format(time.DateOnly)}
	if first {
		holds.at = ms(a.Now)
		for _, r := range a.Grant.Rates {
			l.rates[r.Key] = max(l.rates[r.Key], ms(a.Now)) + interval(r)
		}
	}
	for _, q := range a.Grant.Quotas {
		l.quotas[dayOf{q.Key, holds.day}]++
		holds.quotas = append(holds.quotas, q.Key)
	}
	if a.Grant.Cooldown > 0 {
		holds.cooled = a.Resource
		l.cooldowns[a.Resource] = cooldown{a.Key, ms(a.Now.Add(a.Grant.Cooldown))}
	}
	l.admissions[a.Key] = holds
	return nil, nil
}

// inTheWay is the first limit that leaves nothing for a submission, or nil.
func (l *limits) inTheWay(a backup.Reservation, first bool) *backup.LimitError {
	if first {
		rates := slices.SortedFunc(slices.Values(a.Grant.Rates), func(a, b backup.Rate) int {
			return strings.Compare(a.Key, b.Key)
		})
		for _, r := range rates {
			if wait := l.wait(r, a.Now); wait > 0 {
				return &backup.LimitError{Err: backup.ErrRate, Key: r.Key, RetryAfter: wait}
			}
		}
	}
	now := a.Now.UTC()
	quotas := slices.SortedFunc(slices.Values(a.Grant.Quotas), func(a, b backup.Quota) int {
		return strings.Compare(a.Key, b.Key)
	})
	for _, q := range quotas {
		if q.Day < 1 {
			return &backup.LimitError{Err: backup.ErrQuota, Key: q.Key}
		}
		if l.quotas[dayOf{q.Key, now.Format(time.DateOnly)}] >= q.Day {
			tomorrow := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, time.UTC)
			return &backup.LimitError{Err: backup.ErrQuota, Key: q.Key, RetryAfter: tomorrow.Sub(now)}
		}
	}
	if c := l.cooldowns[a.Resource]; a.Grant.Cooldown > 0 && c.until > ms(a.Now) && c.owner != a.Key {
		_, resource, _ := strings.Cut(a.Resource, "/")
		return &backup.LimitError{
			Err:        backup.ErrCooldown,
			Key:        "i:" + resource,
			RetryAfter: max(time.UnixMilli(c.until).Sub(a.Now), time.Second),
		}
	}
	return nil
}

// interval is the milliseconds between two of a rate that is kept evenly.
func interval(r backup.Rate) int64 { return r.Per.Milliseconds() / int64(r.Burst) }

// wait is how long it is until there is one of a rate.
func (l *limits) wait(r backup.Rate, now time.Time) time.Duration {
	next := max(l.rates[r.Key], ms(now)) + interval(r)
	return max(time.Duration(next-r.Per.Milliseconds()-ms(now))*time.Millisecond, 0)
}

// Refund implements [backup.Limits].
func (s *Store) Refund(ctx context.Context, key string, attempt int) error {
	if err := storable(ctx, key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &s.limits
	holds := l.admissions[key]
	if holds.held == 0 || holds.held > attempt+1 {
		return nil
	}
	for _, quota := range holds.quotas {
		day := dayOf{quota, holds.day}
		l.quotas[day] = max(l.quotas[day]-1, 0)
	}
	if l.cooldowns[holds.cooled].owner == key {
		delete(l.cooldowns, holds.cooled)
	}
	holds.held = 0
	l.admissions[key] = holds
	return nil
}

// Take implements [backup.Limits].
func (s *Store) Take(ctx context.Context, r backup.Rate, now time.Time) (time.Duration, error) {
	if err := storable(ctx, r.Key); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if wait := s.limits.wait(r, now); wait > 0 {
		return wait, nil
	}
	s.limits.rates[r.Key] = max(s.limits.rates[r.Key], ms(now)) + interval(r)
	return 0, nil
}

// Peek implements [backup.Limits].
func (s *Store) Peek(ctx context.Context, r backup.Rate, now time.Time) (time.Duration, error) {
	if err := storable(ctx, r.Key); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limits.wait(r, now), nil
}

// ForgetLimits implements [backup.Limits].
func (s *Store) ForgetLimits(ctx context.Context, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	hour, day := ms(now.Add(-time.Hour)), now.UTC().AddDate(0, 0, -8).Format(time.DateOnly)
	for k, next := range s.limits.rates {
		if next < hour {
			delete(s.limits.rates, k)
		}
	}
	for k, c := range s.limits.cooldowns {
		if c.until < hour {
			delete(s.limits.cooldowns, k)
		}
	}
	for k, a := range s.limits.admissions {
		if a.at < ms(now.Add(-backup.KeyExpires-time.Hour)) {
			delete(s.limits.admissions, k)
		}
	}
	for k := range s.limits.quotas {
		if k.day < day {
			delete(s.limits.quotas, k)
		}
	}
	return ctx.Err()
}
