package policy

import (
	"context"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// Maximum values of the limits in a policy. A longer window would cost storage: the store keeps the
// counter of a window until the window ends.
const (
	maxWindow   = 31 * 24 * time.Hour // longest cool-down, and longest period of a rate
	maxInWindow = 100_000             // backups or requests in one period or day
)

// defaultLimits reads the key defaults: the limits that apply if a rule or account sets none. A
// missing limit is zero, which means no limit.
func (l *loader) defaultLimits(p place) (cooldown time.Duration, rate, requests backup.Rate) {
	m := l.mapping(p, nil, []string{"cooldown", "rate", "requests"})
	return l.duration(m["cooldown"]), l.rate(m["rate"]), l.rate(m["requests"])
}

// Requests returns how many changing requests each principal (person or program) may send in a
// time. The result has no Key. It is zero, which means no limit, if the policy file sets none.
func (p *Policy) Requests() backup.Rate { return p.requests }

// rate reads a rate. The result has no Key; p without a node gives the zero Rate, no limit.
// The time for one unit must be at least a millisecond, the resolution of the counters.
func (l *loader) rate(p place) backup.Rate {
	m := l.mapping(p, []string{"burst", "per"}, nil)
	r := backup.Rate{Burst: int(l.number(m["burst"])), Per: l.duration(m["per"])}
	switch {
	case m["burst"].node == nil || l.refused[m["burst"].node]:
	case r.Burst < 1 || r.Burst > maxInWindow:
		l.wrong(m["burst"], "write 1 to %d", maxInWindow)
	case m["per"].node != nil && !l.refused[m["per"].node] && r.Per/time.Duration(r.Burst) < time.Millisecond:
		l.wrong(m["per"], "is too short for %d backups: write a longer time", r.Burst)
	}
	return r
}

// daily reads the maximum number of backups in a day of UTC. Nil means no limit; 0 allows none.
func (l *loader) daily(p place) *int64 {
	if p.node == nil {
		return nil
	}
	n := l.number(p)
	if n > maxInWindow {
		l.wrong(p, "write %d or fewer, or remove the key", maxInWindow)
	}
	return &n
}

var durationShape = shape{`[1-9][0-9]{0,5}(s|m|h)`, "a time such as 30s, 15m or 24h"}

// duration reads a duration from one second to maxWindow. It returns 0 if p has no node.
func (l *loader) duration(p place) time.Duration {
	text := l.shaped(p, durationShape)
	if p.node == nil || l.refused[p.node] {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d > maxWindow {
		l.wrong(p, "is too long: write a time of at most %s", param.Duration(maxWindow).En)
		return 0
	}
	return d
}

// Likely returns the grant of the first rule that allows who a backup with the values given and suitable values
// for the other parameters. The rule of the complete request can be another one. given must have the account, the
// region and the resource; if no rule allows such a backup, the result is false. It calls the cloud under the
// conditions of [Policy.Decide].
func (p *Policy) Likely(ctx context.Context, who identity.Principal, given param.Params) (backup.Grant, bool) {
	teams := p.teamsOf(who)
	a, _, ok := p.beforeRules(teams, given)
	if !ok {
		return backup.Grant{}, false
	}
	seen := &tagLookup{policy: p, who: who, params: given}
	for _, r := range p.rulesFor(who, backup.ActionCreate) {
		if !p.allowsPart(r, given) {
			continue
		}
		if _, has := seen.has(ctx, r); has {
			return p.grant(r, who, teams, a, nil), true
		}
	}
	return backup.Grant{}, false
}

// grant returns what rule r grants to who in account a: the values that r adds, the
// cool-down, and every limit that counts the backup. The keys of limits are:
//
//	"p:" and the principal's ID   the rate of a person or an event
//	"s:" and the source's name    the rate of a program
//	"a:" and the alias            rate and quota of the account
//	"t:" and the team's name      quota of the first team of r that who belongs to
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
	if i, ok := firstCommon(r.teams, teams); ok && p.teams[i].daily != nil {
		g.Quotas = append(g.Quotas, backup.Quota{Key: "t:" + p.teams[i].name, Day: int(*p.teams[i].daily)})
	}
	return g
}

// receiverNames returns the names of the receivers that requests under r may choose.
func (r rule) receiverNames() (names []string) {
	for _, one := range r.receivers {
		names = append(names, one.name)
	}
	return names
}

// limits returns the limits of backups by r for a member of teams, and what r requires of the
// reason and the ticket, as phrases for people. It leaves out limits of the account, because
// they do not depend on the reader.
func (p *Policy) limits(r rule, teams []int) (words []param.Text) {
	say := func(en, zh string, args ...any) {
		text := param.Both(en, zh)
		words = append(words, param.Both(text.Fill(param.English, args...), text.Fill(param.Chinese, args...)))
	}
	if r.cooldown > 0 {
		say("At least %v between two backups of the same instance", "同一实例两次备份至少间隔 %v", param.Duration(r.cooldown))
	}
	if r.why {
		say("A reason is required", "须填写备份原因")
	}
	if r.ticket.required {
		say("A ticket is required%v", "须填写工单号%v", r.ticket.words())
	}
	if len(r.receivers) > 0 {
		say("When it is done, you can have these receivers told: %v", "完成后可通知以下接收方：%v", strings.Join(r.receiverNames(), ", "))
	}
	if p.rate.Burst > 0 {
		say("At most %d backups per person in %v", "每人 %[2]v 内最多 %[1]d 次", p.rate.Burst, param.Duration(p.rate.Per))
	}
	if i, ok := firstCommon(r.teams, teams); ok && p.teams[i].daily != nil {
		say("At most %d backups per team and day", "团队每天最多 %d 次", *p.teams[i].daily)
	}
	return words
}
