package memory

import (
	"context"
	"slices"
	"strings"
	"time"

	"backupportal/function/backup"
)

// limits holds how much of each limit is used.
type limits struct {
	reservations map[string]reservation // reservations by reservation key
	rates        map[string]int64       // milliseconds: when an evenly spaced next request is due, by rate key
	quotas       map[quotaDay]int       // number of counted backups
	cooldowns    map[string]cooldown    // cool-downs by resource
}

// reservation is what one submission took from the limits. It omits rates, because rates are never
// refunded.
type reservation struct {
	at               int64    // when the reservation was made; milliseconds
	held             int      // 1 + the highest attempt that the reservation is for; 0 after a refund
	day              string   // day of the quotas, in UTC
	quotas           []string // keys of the quotas
	cooldownResource string   // resource of the cool-down; empty without a cool-down
}

// quotaDay is one quota on one day of UTC.
type quotaDay struct{ key, day string }

// cooldown is the time in which a resource gets no other backup. owner is the key of the
// reservation that started the cool-down.
type cooldown struct {
	owner string
	until int64 // milliseconds
}

// Reserve takes one backup from every limit that applies to a submission, or from none. It
// implements [backup.Limits].
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
	before, known := l.reservations[a.Key]
	first := !known || before.at <= ms(a.EarlierUse())
	// The submission already holds its reservation. Now a later attempt holds it.
	if !first && before.held > 0 {
		before.held = max(before.held, a.Attempt+1)
		l.reservations[a.Key] = before
		return nil, nil
	}
	if limit := l.reached(a, first); limit != nil {
		return limit, nil
	}
	holds := reservation{at: before.at, held: a.Attempt + 1, day: a.Now.UTC().Format(time.DateOnly)}
	if first {
		holds.at = ms(a.Now)
		for _, r := range a.Grant.Rates {
			l.rates[r.Key] = max(l.rates[r.Key], ms(a.Now)) + interval(r)
		}
	}
	for _, q := range a.Grant.Quotas {
		l.quotas[quotaDay{q.Key, holds.day}]++
		holds.quotas = append(holds.quotas, q.Key)
	}
	if a.Grant.Cooldown > 0 {
		holds.cooldownResource = a.Resource
		l.cooldowns[a.Resource] = cooldown{a.Key, ms(a.Now.Add(a.Grant.Cooldown))}
	}
	l.reservations[a.Key] = holds
	return nil, nil
}

// reached returns the first limit that refuses a, or nil. It tests the rates only if this is the
// first reservation of a.Key. The order is the same as in the databases: rates by key, quotas by
// key, the cool-down.
func (l *limits) reached(a backup.Reservation, first bool) *backup.LimitError {
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
		if l.quotas[quotaDay{q.Key, now.Format(time.DateOnly)}] >= q.Day {
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

// interval returns the milliseconds between two evenly spaced requests of a rate.
func interval(r backup.Rate) int64 { return r.Per.Milliseconds() / int64(r.Burst) }

// wait returns the time until a rate allows the next request, by the generic cell rate algorithm. 0
// means now.
func (l *limits) wait(r backup.Rate, now time.Time) time.Duration {
	next := max(l.rates[r.Key], ms(now)) + interval(r)
	return max(time.Duration(next-r.Per.Milliseconds()-ms(now))*time.Millisecond, 0)
}

// take takes one request from a rate, even if the rate is used up.
func (l *limits) take(r backup.Rate, now time.Time) {
	l.rates[r.Key] = max(l.rates[r.Key], ms(now)) + interval(r)
}

// Refund gives back what a submission took from the limits, except from rates. It implements
// [backup.Limits].
func (s *Store) Refund(ctx context.Context, key string, attempt int) error {
	if err := storable(ctx, key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &s.limits
	holds := l.reservations[key]
	// The reservation was refunded before, or an attempt later than the given one holds it.
	if holds.held == 0 || holds.held > attempt+1 {
		return nil
	}
	for _, quota := range holds.quotas {
		day := quotaDay{quota, holds.day}
		l.quotas[day] = max(l.quotas[day]-1, 0)
	}
	// The submission's cool-down may have ended, and another submission may have started a new one.
	if l.cooldowns[holds.cooldownResource].owner == key {
		delete(l.cooldowns, holds.cooldownResource)
	}
	holds.held = 0
	l.reservations[key] = holds
	return nil
}

// Take takes one request from a rate, or returns how long to wait. It implements
// [backup.Limits].
func (s *Store) Take(ctx context.Context, r backup.Rate, now time.Time) (time.Duration, error) {
	if err := storable(ctx, r.Key); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if wait := s.limits.wait(r, now); wait > 0 {
		return wait, nil
	}
	s.limits.take(r, now)
	return 0, nil
}

// Peek returns how long the next request must wait because of a rate. It takes nothing. It
// implements [backup.Limits].
func (s *Store) Peek(ctx context.Context, r backup.Rate, now time.Time) (time.Duration, error) {
	if err := storable(ctx, r.Key); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limits.wait(r, now), nil
}

// Usage returns how much of each limit is left. It takes nothing. It implements
// [backup.Limits].
func (s *Store) Usage(ctx context.Context, g backup.Grant, resource string, now time.Time) (uses []backup.LimitUse, err error) {
	texts := []string{resource}
	for _, r := range g.Rates {
		texts = append(texts, r.Key)
	}
	for _, q := range g.Quotas {
		texts = append(texts, q.Key)
	}
	if err := storable(ctx, texts...); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range g.Rates {
		uses = append(uses, r.Use(time.UnixMilli(s.limits.rates[r.Key]), now))
	}
	for _, q := range g.Quotas {
		uses = append(uses, q.Use(s.limits.quotas[quotaDay{q.Key, now.UTC().Format(time.DateOnly)}], now))
	}
	if g.Cooldown > 0 {
		uses = append(uses, g.CooldownUse(resource, time.UnixMilli(s.limits.cooldowns[resource].until), now))
	}
	return uses, nil
}

// ForgetLimits removes rows of limits that have no effect any more. It implements
// [backup.Limits].
func (s *Store) ForgetLimits(ctx context.Context, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	// A quota is kept as long as a reservation can still refund it. The other entries are kept for
	// one hour after their end.
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
	for k, a := range s.limits.reservations {
		if a.at < ms(now.Add(-backup.KeyExpires-time.Hour)) {
			delete(s.limits.reservations, k)
		}
	}
	for k := range s.limits.quotas {
		if k.day < day {
			delete(s.limits.quotas, k)
		}
	}
	return ctx.Err()
}
