package policy

import (
	"slices"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/event/envelope"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// A team is one entry of the key teams.
type team struct {
	name    string
	members []member
	label   param.Text // label for people; empty if the file gives no label
	daily   *int64     // backups in a day; nil is no limit
}

// A member is one way to belong to a team. Exactly one of subject, group, domain, source and
// event is set. The first three also need an issuer (the sign-in service).
type member struct {
	issuer  string        // the sign-in service
	subject string        // one person
	group   string        // every person in this group of the issuer
	domain  string        // every person with a verified address in this domain, in lower case
	source  string        // a program, by its name in the policy
	event   envelope.Kind // events of this kind
}

// matches reports whether p belongs to the team by m. A claim counts only together with its
// issuer, because another issuer can make the same claim. Empty values never match.
func (m member) matches(p identity.Principal) bool {
	switch p.Kind {
	case identity.KindHuman:
		if m.issuer == "" || p.Issuer != m.issuer || p.Subject == "" {
			return false
		}
		switch {
		case m.subject != "":
			return p.Subject == m.subject
		case m.group != "":
			return slices.Contains(p.Groups, m.group)
		case m.domain != "":
			_, domain, ok := strings.Cut(p.Email, "@")
			return ok && domain == m.domain
		}
	case identity.KindSource:
		return m.source != "" && p.Subject == m.source
	case identity.KindEvent:
		return m.event != "" && p.Subject == "event:"+string(m.event)
	}
	return false
}

// teamsOf returns the indices of the teams to which who belongs, in ascending order.
func (p *Policy) teamsOf(who identity.Principal) []int {
	var in []int
	for i, t := range p.teams {
		if slices.ContainsFunc(t.members, func(m member) bool { return m.matches(who) }) {
			in = append(in, i)
		}
	}
	return in
}

// Teams returns the names of the teams to which who belongs, in the order of the policy file.
func (p *Policy) Teams(who identity.Principal) []string {
	var names []string
	for _, i := range p.teamsOf(who) {
		names = append(names, p.teams[i].name)
	}
	return names
}

// MayViewRejections reports whether who may view the rejected messages of a sender. A sender is
// a source of webhooks or a kind of event. Who must be in a team of the sender or in a team of
// the key operators.
func (p *Policy) MayViewRejections(who, sender identity.Principal) bool {
	teams := p.teamsOf(who)
	own := p.teamsOf(sender)
	return slices.ContainsFunc(teams, func(i int) bool { return slices.Contains(own, i) || slices.Contains(p.operators, i) })
}

// IsOperator reports whether who is in a team of the key operators.
func (p *Policy) IsOperator(who identity.Principal) bool {
	return slices.ContainsFunc(p.teamsOf(who), func(i int) bool { return slices.Contains(p.operators, i) })
}

// TeamLabel returns the name of a team for people: its display name, followed by its
// name in parentheses. It returns the name alone for a team without a display name, and
// for an unknown team.
func (p *Policy) TeamLabel(name string) param.Text {
	for _, t := range p.teams {
		if t.name == name {
			return backup.Label(t.label, name)
		}
	}
	return backup.Label(param.Text{}, name)
}

// NamesGroup reports whether the policy file has this group of this issuer as a member of a
// team. A session stores only such groups of a person.
func (p *Policy) NamesGroup(issuer, group string) bool {
	return slices.ContainsFunc(p.teams, func(t team) bool {
		return slices.ContainsFunc(t.members, func(m member) bool { return m.issuer == issuer && m.group == group && group != "" })
	})
}

// Forms of the values of members. A domain must be in lower case, because
// identity.Principal.Email is in lower case.
var (
	issuerShape  = shape{`https?://[!"$-~]{1,200}`, "the issuer's URL, exactly as in its tokens"}
	subjectShape = shape{`[ -~]{1,255}`, "up to 255 ASCII characters"}
	domainShape  = shape{`([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,63}`, "a domain in lower case, such as example.com"}
)

// team reads one team and adds it to l.teams. A team with a problem is added too, unless its
// name is empty or repeated.
func (l *loader) team(p place) team {
	m := l.mapping(p, []string{"name", "members"}, []string{"display_name", "daily_jobs"})
	t := team{
		name:    l.shaped(m["name"], nameShape),
		label:   l.either(m["display_name"]),
		members: list(l, m["members"], l.member),
		daily:   l.daily(m["daily_jobs"]),
	}
	switch _, again := l.teams[t.name]; {
	case t.name == "": // a problem already
	case again:
		l.wrong(m["name"], "another team has the name %q: choose another name", t.name)
	default:
		l.teams[t.name] = len(l.teams)
	}
	return t
}

// member reads one member: an issuer with one claim, a source, or a kind of event.
func (l *loader) member(p place) member {
	m := l.mapping(p, nil, []string{"issuer", "subject", "group", "email_domain", "source", "event"})
	one := member{
		issuer:  l.issuer(m["issuer"]),
		subject: l.shaped(m["subject"], subjectShape),
		group:   l.shaped(m["group"], subjectShape),
		domain:  l.shaped(m["email_domain"], domainShape),
		source:  l.shaped(m["source"], nameShape),
		event:   choice(l, m["event"], envelope.Submitting...),
	}
	var given []string
	for _, key := range []string{"subject", "group", "email_domain", "source", "event"} {
		if m[key].node != nil {
			given = append(given, key)
		}
	}
	claim := len(given) == 1 && given[0] != "source" && given[0] != "event"
	switch {
	case l.refused[p.node]:
	case len(given) != 1:
		l.wrong(p, "write one of subject, group, email_domain (each with issuer), source and event")
	case claim && m["issuer"].node == nil:
		l.lacks(p, p.at("issuer", nil).path, "is missing: %s requires an issuer", given[0])
	case !claim && m["issuer"].node != nil:
		l.wrong(m["issuer"], "has no effect with %s: remove it", given[0])
	}
	return one
}

// issuer reads the issuer of a sign-in: a URL, or "demo", the issuer of the demonstration's
// sign-in.
func (l *loader) issuer(p place) string {
	if p.node != nil && p.node.Value == "demo" {
		return l.text(p)
	}
	return l.shaped(p, issuerShape)
}

// teamOf reads the name of a team and returns its index, 0 after a problem.
func (l *loader) teamOf(p place) int {
	name := l.text(p)
	i, ok := l.teams[name]
	if !ok {
		l.wrong(p, "the team %q does not exist: add it to teams, or correct the name", name)
	}
	return i
}
