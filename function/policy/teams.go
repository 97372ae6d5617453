package policy

import (
	"slices"
	"strings"

	"backupportal/function/event/envelope"
	"backupportal/function/identity"
)

// A team is one entry of teams.
type team struct {
	name    string
	members []member
	daily   *int64 // backups in a day; nil is no limit
}

// A member is one way to belong to a team. Exactly one of its kinds is set, and
// an issuer with the first three.
type member struct {
	issuer, subject, group, domain string
	source                         string
	event                          envelope.Kind
}

// is reports whether p belongs to a team by m. An identity is its issuer's word,
// so nothing of it counts without the issuer; and what is empty is nobody's.
func (m member) is(p identity.Principal) bool {
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

// teamsOf are the teams that p belongs to.
func (p *Policy) teamsOf(who identity.Principal) []int {
	var in []int
	for i, t := range p.teams {
		if slices.ContainsFunc(t.members, func(m member) bool { return m.is(who) }) {
			in = append(in, i)
		}
	}
	return in
}

// Teams are the names of the teams that p belongs to, in the order of the file.
func (p *Policy) Teams(who identity.Principal) []string {
	var names []string
	for _, i := range p.teamsOf(who) {
		names = append(names, p.teams[i].name)
	}
	return names
}

// NamesGroup reports whether the policy looks at this group of this issuer: what
// it does not look at a session need not remember.
func (p *Policy) NamesGroup(issuer, group string) bool {
	return slices.ContainsFunc(p.teams, func(t team) bool {
		return slices.ContainsFunc(t.members, func(m member) bool { return m.issuer == issuer && m.group == group && group != "" })
	})
}

// Shapes of what identities say. A domain is compared with lower case.
var (
	issuerShape  = newShape(`https?://[!"$-~]{1,200}`, "the issuer's URL, exactly as it stands in its tokens")
	subjectShape = newShape(`[ -~]{1,255}`, "up to 255 ASCII characters")
	domainShape  = newShape(`([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,63}`, "a domain in lower case, such as example.com")
)

// team reads one team and enters it for the rules to name.
func (l *loader) team(p place) team {
	m := l.mapping(p, []string{"name", "members"}, []string{"daily_jobs"})
	t := team{
		name:    l.shaped(m["name"], nameShape),
		members: list(l, m["members"], l.member),
		daily:   l.daily(m["daily_jobs"]),
	}
	switch _, again := l.teams[t.name]; {
	case t.name == "": // a problem already
	case again:
		l.wrong(m["name"], "another team is called %q too: choose another name", t.name)
	default:
		l.teams[t.name] = len(l.teams)
	}
	return t
}

// member reads one member: an issuer with one of its claims, a source, or a kind
// of event.
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
		l.lacks(p, p.at("issuer", nil).path, "is missing: %s means nothing without whose word it is", given[0])
	case !claim && m["issuer"].node != nil:
		l.wrong(m["issuer"], "means nothing with %s: remove it", given[0])
	}
	return one
}

// issuer reads the issuer of identities: that of the demonstration has no URL.
func (l *loader) issuer(p place) string {
	if p.node != nil && p.node.Value == "demo" {
		return l.text(p)
	}
	return l.shaped(p, issuerShape)
}

// teamOf reads the name of a team that exists.
func (l *loader) teamOf(p place) int {
	name := l.text(p)
	i, ok := l.teams[name]
	if !ok {
		l.wrong(p, "there is no team %q: add it to teams, or correct the name", name)
	}
	return i
}
