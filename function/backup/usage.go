package backup

import (
	"strings"
	"time"
)

// Use returns how much of the rate r is left at now. due is the counter's value by the generic
// cell rate algorithm: the time at which the next of evenly spaced requests would arrive. If
// due is in the past, nothing is used.
func (r Rate) Use(due, now time.Time) LimitUse {
	now = time.UnixMilli(now.UnixMilli()) // the counters have this resolution
	interval := time.Duration(r.Per.Milliseconds()/int64(r.Burst)) * time.Millisecond
	free := now.Add(r.Per).Sub(later(due, now))
	use := LimitUse{Err: ErrRate, Key: r.Key, Of: r.Burst, Per: r.Per, Left: min(max(int(free/interval), 0), r.Burst)}
	if use.Left == 0 {
		use.Wait = interval - free
	}
	return use
}

// Use returns how much of the quota q is left at now, if used backups were started on this day
// of UTC.
func (q Quota) Use(used int, now time.Time) LimitUse {
	use := LimitUse{Err: ErrQuota, Key: q.Key, Left: max(q.Day-used, 0), Of: q.Day}
	if use.Left == 0 && q.Day > 0 {
		use.Wait = nextDay(now).Sub(now)
	}
	return use
}

// CooldownUse returns whether the cool-down of a resource, which lasts until the given time,
// permits a backup at now, and how long to wait.
func (g Grant) CooldownUse(resource string, until, now time.Time) LimitUse {
	_, id, _ := strings.Cut(resource, "/")
	use := LimitUse{Err: ErrCooldown, Key: "i:" + id, Left: 1, Of: 1, Per: g.Cooldown}
	if until.After(now) {
		use.Left, use.Wait = 0, max(until.Sub(now), time.Second)
	}
	return use
}

// nextDay returns when the next day of UTC begins.
func nextDay(now time.Time) time.Time {
	now = now.UTC()
	return time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, time.UTC)
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
