package policy

import (
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// The longest cool-down and window of a rate, and the most that one may hold.
const (
	longestWindow = 31 * 24 * time.Hour
	mostInWindow  = 100_000
)

// usual reads what holds where nothing else is said.
func (l *loader) usual(p place) (cooldown time.Duration, rate, requests backup.Rate) {
	m := l.mapping(p, nil, []string{"cooldown", "rate", "requests"})
	return l.duration(m["cooldown"]), l.rate(m["rate"]), l.rate(m["requests"])
}

// Requests is how many requests that change something each principal may send,
// without a key; the zero value if the file does not say.
func (p *Policy) Requests() backup.Rate { return p.requests }

// rate reads how many backups there may be in which time; without a key yet.
func (l *loader) rate(p place) backup.Rate {
	m := l.mapping(p, []string{"burst", "per"}, nil)
	r := backup.Rate{Burst: int(l.number(m["burst"])), Per: l.duration(m["per"])}
	switch {
	case m["burst"].node == nil || l.refused[m["burst"].node]:
	case r.Burst < 1 || r.Burst > mostInWindow:
		l.wrong(m["burst"], "write 1 to %d", mostInWindow)
	case m["per"].node != nil && !l.refused[m["per"].node] && r.Per/time.Duration(r.Burst) < time.Millisecond:
		l.wrong(m["per"], "is too short for %d backups: write a longer time", r.Burst)
	}
	return r
}

// daily reads how many backups there may be in a day; 0 is none at all.
func (l *loader) daily(p place) *int64 {
	if p.node == nil {
		return nil
	}
	n := l.number(p)
	if n > mostInWindow {
		l.wrong(p, "write %d or fewer, or remove the key", mostInWindow)
	}
	return &n
}

var durationShape = newShape(`[1-9][0-9]{0,5}(s|m|h)`, "a time such as 30s, 15m or 24h")

// duration reads a time of at least a second.
func (l *loader) duration(p place) time.Duration {
	text := l.shaped(p, durationShape)
	if p.node == nil || l.refused[p.node] {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d > longestWindow {
		l.wrong(p, "is too long: write a time of at most %s", param.Duration(longestWindow).En)
		return 0
	}
	return d
}

// grant is what r says to a backup in an account, by who belongs to one of its
// teams.
func (p *Policy) grant(r rule, who identity.Principal, teams []int, a account, values param.Params) backup.Grant {
	g := backup.Grant{Rule: r.id, Values: values, Cooldown: r.cooldown}
	add := func(key string, rate backup.Rate) {
		if rate.Burst > 0 {
			g.Rates = append(g.Rates, backup.Rate{Key: key, Burst: rate.Burst, Per: rate.Per})
		}
	}
	own := "p:" + who.ID()
	if who.Kind == identity.KindSource {
		own = "s:" + who.Subject
	}
	add(own, p.rate)
	add("a:"+a.Alias, a.rate)
	if a.daily != nil {
		g.Quotas = append(g.Quotas, backup.Quota{Key: "a:" + a.Alias, Day: int(*a.daily)})
	}
	if i, ok := first(r.teams, teams); ok && p.teams[i].daily != nil {
		g.Quotas = append(g.Quotas, backup.Quota{Key: "t:" + p.teams[i].name, Day: int(*p.teams[i].daily)})
	}
	return g
}

// limits are those that somebody in the teams comes under with backups by r,
// in words for people.
func (p *Policy) limits(r rule, teams []int) (words []param.Text) {
	say := func(en, zh string, args ...any) {
		text := param.Both(en, zh)
		words = append(words, param.Both(text.Fill(param.English, args...), text.Fill(param.Chinese, args...)))
	}
	if r.cooldown > 0 {
		say("At least %v between two backups of the same instance", "同一实例两次备份至少间隔 %v", param.Duration(r.cooldown))
	}
	if p.rate.Burst > 0 {
		say("At most %d backups per person in %v", "每人 %[2]v 内最多 %[1]d 次", p.rate.Burst, param.Duration(p.rate.Per))
	}
	if i, ok := first(r.teams, teams); ok && p.teams[i].daily != nil {
		say("At most %d backups per team and day", "团队每天最多 %d 次", *p.teams[i].daily)
	}
	return words
}
