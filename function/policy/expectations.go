package policy

import (
	"slices"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
)

// Limits of the section "expectations" of the policy file. Every few minutes, a sweep asks the cloud
// about each expectation.
const (
	maxExpectations = 50
	minEvery        = time.Hour // shortest value of the key "every"
)

// Expectations returns the expectations, in the order of the file. The list must not be changed.
func (p *Policy) Expectations() []backup.Expectation { return p.expectations }

// ExpectationsOf returns the names of the expectations whose gaps who may see. These are the expectations
// of the teams of who. A person in a team of the key "operators" may see all.
func (p *Policy) ExpectationsOf(who identity.Principal) (names []string) {
	teams := p.teamsOf(who)
	all := slices.ContainsFunc(teams, func(i int) bool { return slices.Contains(p.operators, i) })
	for _, e := range p.expectations {
		own := slices.ContainsFunc(teams, func(i int) bool { return p.teams[i].name == e.Team })
		if all || own {
			names = append(names, e.Name)
		}
	}
	return names
}

// expectationList reads the section "expectations" of the policy file.
func (l *loader) expectationList(p place) []backup.Expectation {
	names := map[string]bool{}
	all := list(l, p, func(p place) backup.Expectation { return l.expectation(p, names) })
	if len(all) > maxExpectations {
		l.wrong(p, "has %d expectations: write at most %d", len(all), maxExpectations)
	}
	return all
}

// expectation reads one expectation. Its name must not be in names; expectation adds it.
func (l *loader) expectation(p place, names map[string]bool) backup.Expectation {
	m := l.mapping(p, []string{"name", "team", "account", "region", "every"}, []string{"instances", "instance_tags"})
	e := backup.Expectation{
		Name:      l.shaped(m["name"], nameShape),
		Team:      l.text(m["team"]),
		Account:   l.alias(m["account"]),
		Instances: list(l, m["instances"], func(p place) string { return l.shaped(p, instanceShape) }),
		Tags:      l.tagsOf(m["instance_tags"]),
		Every:     l.duration(m["every"]),
	}
	if m["team"].node != nil {
		l.teamOf(m["team"])
	}
	e.Region = l.regionOf(m["region"], []string{e.Account})
	switch instances, tags := m["instances"].node != nil, m["instance_tags"].node != nil; {
	case instances && tags:
		l.wrong(m["instance_tags"], "cannot be used together with instances: write another expectation")
	case !instances && !tags && p.node != nil:
		l.lacks(p, p.at("instances", nil).path, "is missing: write the ids of instances, or instance_tags")
	case tags && l.accounts[e.Account].Access == backup.HBRCrossAccount:
		l.wrong(m["instance_tags"], "cannot be used with account %s, which has access: %s: write the ids of instances", e.Account, backup.HBRCrossAccount)
	}
	if every := m["every"]; every.node != nil && !l.refused[every.node] && e.Every < minEvery {
		l.wrong(every, "is too short: write at least 1h")
	}
	if names[e.Name] && e.Name != "" {
		l.wrong(m["name"], "another expectation has the name %q: choose another name", e.Name)
	}
	names[e.Name] = true
	return e
}
