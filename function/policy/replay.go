package policy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/set"
)

// A Past is a request of the history. The store keeps the issuer and the subject of its sender, and
// neither groups nor an address nor the tags of the instance.
type Past struct {
	Door    backup.Door
	Who     identity.Principal // the kind may be empty: it follows from issuer and subject
	Claims  bool               // Groups and Email of Who are known
	Params  param.Params       // what the sender gave, with the values of its preset and its account alias
	Allowed bool               // the policy of that time allowed the request
}

// A Change says how the answer of a new policy to a past request differs from that of an old one.
type Change string

// The changes. Unclear means that the answer depends on what the history does not have.
const (
	Same       Change = "as before"
	NowRefused Change = "now refused"
	NowAllowed Change = "now allowed"
	NewValues  Change = "other values" // both allow it; the rules add different values
	NewLimits  Change = "other limits" // both allow it; the limits of the grants differ
	Unclear    Change = "unclear"
)

// Changes lists all changes in the order of their weight.
var Changes = []Change{NowRefused, NowAllowed, NewValues, NewLimits, Unclear, Same}

// A Comparison is the result of [Replay.Compare].
type Comparison struct {
	Change Change
	Rule   string // rule that allows the request, in the old policy or only in the new one; may be empty
	Why    string // why the answer differs, in English; empty for Same
}

// A Replay decides past requests by two policies. It is not safe for concurrent use. Make it with
// [NewReplay].
//
// The answer to a past request can depend on the groups and the domain of a person and on the tags of an
// instance, which the history does not have. A rule needs one claim of a person and one set of tags at
// most, so Compare examines every such pair that the policies name. It assumes that the old policy decides
// as it was recorded, if it can: if a request was allowed, the person and the instance had one of the
// pairs with which the old policy allows it; if it was refused, they had none of them. A change is certain
// if all pairs that remain give the same answer.
type Replay struct {
	old, new side
	tags     []map[string]string // sets of tags that rules of the two policies name
	memo     map[string]Comparison
}

// A side is one of the two policies.
type side struct {
	*Policy
	tagged []*Policy // for each element of Replay.tags: the policy, for an instance that has these tags
}

// NewReplay returns a replay of requests by two policies.
func NewReplay(old, new *Policy) *Replay {
	r := &Replay{memo: map[string]Comparison{}}
	for _, p := range []*Policy{old, new} {
		for _, rule := range p.rules {
			named := rule.instances.tags
			if named != nil && !slices.ContainsFunc(r.tags, func(t map[string]string) bool { return maps.Equal(t, named) }) {
				r.tags = append(r.tags, named)
			}
		}
	}
	r.old, r.new = r.sideOf(old), r.sideOf(new)
	return r
}

// sideOf prepares a policy for the replay.
func (r *Replay) sideOf(p *Policy) side {
	s := side{Policy: p}
	still := func() time.Time { return time.Time{} } // cached tags never expire
	for _, tags := range r.tags {
		s.tagged = append(s.tagged, p.Tagged(func(_ context.Context, _ backup.Target, ids []string) (map[string]map[string]string, error) {
			all := map[string]map[string]string{}
			for _, id := range ids {
				all[id] = tags
			}
			return all, nil
		}, still))
	}
	return s
}

// A pair is what a rule can need besides the request: at most one claim of the person and one set of tags.
type pair struct {
	who  identity.Principal // the person, with at most one claim
	tags int                // index in Replay.tags; -1: no tags
}

// words describes the pair for people.
func (r *Replay) words(p pair) string {
	var parts []string
	for _, group := range p.who.Groups {
		parts = append(parts, "group "+group)
	}
	if _, domain, ok := strings.Cut(p.who.Email, "@"); ok {
		parts = append(parts, "domain "+domain)
	}
	if p.tags >= 0 {
		parts = append(parts, "tags "+strings.Join(resources{tags: r.tags[p.tags]}.tagWords(), ","))
	}
	return strings.Join(parts, " with ")
}

// Compare decides a past request by both policies. It makes no call.
func (r *Replay) Compare(ctx context.Context, past Past) Comparison {
	key := fmt.Sprint(past.Door, past.Who.ID(), past.Who.Groups, past.Who.Email, past.Claims, past.Allowed, past.Params)
	if known, ok := r.memo[key]; ok {
		return known
	}
	past.Who.Kind = kindOf(past.Who)
	oldGiven, newGiven, missing := r.given(past)
	oldAnswer := func(p pair) (backup.Grant, []param.Mistake) { return r.old.decide(ctx, p, oldGiven) }
	newAnswer := func(p pair) (backup.Grant, []param.Mistake) {
		if missing != "" {
			return backup.Grant{}, []param.Mistake{mistake("Preset", param.Both(missing, missing))}
		}
		return r.new.decide(ctx, p, newGiven)
	}
	pairs := r.pairs(past, oldGiven["Account"])
	if _, denied := oldAnswer(pairs[0]); denied == nil {
		if _, denied := newAnswer(pairs[0]); denied == nil {
			pairs = pairs[:1] // both allow it, whatever the person and the instance have
		}
	}
	result := r.compare(past, pairs, oldAnswer, newAnswer)
	r.memo[key] = result
	return result
}

// kindOf returns the kind of a principal of which the issuer and the subject are known.
func kindOf(who identity.Principal) identity.Kind {
	switch {
	case who.Kind != "":
		return who.Kind
	case who.Issuer != "":
		return identity.KindHuman
	case strings.HasPrefix(who.Subject, "event:"):
		return identity.KindEvent
	}
	return identity.KindSource
}

// given returns the parameters for the old and the new policy. They differ if the request names a preset: the
// new policy adds its own values. missing is set if the new policy has no such preset.
func (r *Replay) given(past Past) (old, new param.Params, missing string) {
	name := past.Params["Preset"]
	if name == "" || past.Door == backup.DoorForm { // a form shows the values of its preset, which are then the person's
		return past.Params, past.Params, ""
	}
	bare := maps.Clone(past.Params)
	for _, preset := range r.old.presets {
		for field, value := range preset.Values {
			if preset.Name == name && bare[field] == value {
				delete(bare, field)
			}
		}
	}
	filled, err := backup.WithPreset(r.new.presets, bare)
	if err != nil {
		return past.Params, nil, "there is no preset " + name + " for this request"
	}
	return past.Params, filled, ""
}

// pairs returns every pair that can matter for a request in an account: first the one without a claim and
// without tags.
func (r *Replay) pairs(past Past, account string) (all []pair) {
	people := []identity.Principal{past.Who}
	if past.Who.Kind == identity.KindHuman && !past.Claims {
		people = append(people, r.claimants(past.Who, account)...)
	}
	named := func(tags map[string]string) func(rule) bool {
		return func(one rule) bool {
			return maps.Equal(one.instances.tags, tags) && slices.Contains(one.accounts, account)
		}
	}
	sets := []int{-1}
	for i, tags := range r.tags {
		if slices.ContainsFunc(r.old.rules, named(tags)) || slices.ContainsFunc(r.new.rules, named(tags)) {
			sets = append(sets, i)
		}
	}
	for _, who := range people {
		for _, tags := range sets {
			all = append(all, pair{who, tags})
		}
	}
	return all
}

// claimants returns who with each claim that teams of the two policies name, if a rule for one of these
// teams names the account. Of claims that lead into the same teams it returns one.
func (r *Replay) claimants(who identity.Principal, account string) (all []identity.Principal) {
	seen := map[string]bool{}
	for _, claim := range set.Union(r.old.claims(who.Issuer), r.new.claims(who.Issuer)...) {
		one := who
		if kind, value, _ := strings.Cut(claim, ":"); kind == "group" {
			one.Groups = []string{value}
		} else {
			one.Email = "x@" + value
		}
		oldTeams, newTeams := r.old.teamsOf(one), r.new.teamsOf(one)
		key := fmt.Sprint(oldTeams, newTeams)
		if !seen[key] && (r.old.index.names(oldTeams, account) || r.new.index.names(newTeams, account)) {
			seen[key] = true
			all = append(all, one)
		}
	}
	return all
}

// claims returns the groups and domains of an issuer that teams name, as "group:NAME" and "domain:NAME".
func (p *Policy) claims(issuer string) (all []string) {
	for _, t := range p.teams {
		for _, m := range t.members {
			switch {
			case m.issuer != issuer:
			case m.group != "":
				all = set.Union(all, "group:"+m.group)
			case m.domain != "":
				all = set.Union(all, "domain:"+m.domain)
			}
		}
	}
	return all
}

// decide is Decide for a pair.
func (s side) decide(ctx context.Context, p pair, given param.Params) (backup.Grant, []param.Mistake) {
	if p.tags >= 0 {
		return s.tagged[p.tags].Decide(ctx, p.who, given)
	}
	return s.Decide(ctx, p.who, given)
}

// An answer is what a policy decides for a pair.
type answer = func(pair) (backup.Grant, []param.Mistake)

// compare compares two answers for all pairs; the first one has no claim and no tags.
func (r *Replay) compare(past Past, pairs []pair, old, new answer) Comparison {
	var oldAllows, newAllows, both, onlyNew []pair // pairs with which a policy allows the request
	for _, p := range pairs {
		_, oldDenied := old(p)
		_, newDenied := new(p)
		if oldDenied == nil {
			oldAllows = append(oldAllows, p)
		}
		if newDenied == nil {
			newAllows = append(newAllows, p)
		}
		switch {
		case newDenied != nil:
		case oldDenied == nil:
			both = append(both, p)
		default:
			onlyNew = append(onlyNew, p)
		}
	}
	certain := func(allows []pair) bool { return len(allows) == len(pairs) } // what a policy allows without a pair, it allows with each
	before := past.Allowed && oldAllows != nil || certain(oldAllows)
	switch {
	case before && len(both) == len(oldAllows):
		oldGrant, _ := old(both[0])
		newGrant, _ := new(both[0])
		return compareGrants(oldGrant, newGrant)
	case before && newAllows == nil:
		grant, _ := old(oldAllows[0])
		_, denied := new(oldAllows[0])
		return Comparison{NowRefused, grant.Rule, reasonOf(denied)}
	case !before && certain(newAllows):
		grant, _ := new(newAllows[0])
		_, denied := old(pairs[0])
		return Comparison{NowAllowed, grant.Rule, "was: " + reasonOf(denied)}
	case !before && onlyNew == nil:
		return Comparison{Change: Same}
	case !before:
		return Comparison{Change: Unclear, Why: "allowed with " + strings.Join(r.needs(onlyNew), ", or ")}
	}
	return Comparison{Change: Unclear, Why: "allowed with " + strings.Join(r.needs(newAllows), ", or ")}
}

// mostNeeds limits how many pairs a result names.
const mostNeeds = 3

// needs describes the smallest of some pairs.
func (r *Replay) needs(some []pair) (words []string) {
	smaller := func(p, than pair) bool {
		withoutClaim := len(p.who.Groups) == 0 && p.who.Email == ""
		sameClaim := slices.Equal(p.who.Groups, than.who.Groups) && p.who.Email == than.who.Email
		return sameClaim && p.tags < 0 && than.tags >= 0 || p.tags == than.tags && withoutClaim && !sameClaim
	}
	for _, p := range some {
		if !slices.ContainsFunc(some, func(other pair) bool { return smaller(other, p) }) && len(words) < mostNeeds {
			words = append(words, r.words(p))
		}
	}
	return words
}

// reasonOf returns the first reason of a refusal, with its rule.
func reasonOf(denied []param.Mistake) string {
	if len(denied) == 0 {
		return ""
	}
	text := denied[0].In(param.English)
	if denied[0].Field != "" {
		text = denied[0].Field + ": " + text
	}
	if denied[0].Rule != nil {
		text = "rule " + denied[0].Rule.ID + ": " + text
	}
	return text
}

// compareGrants compares two grants for the same request.
func compareGrants(old, new backup.Grant) Comparison {
	var changed []string
	for _, f := range param.Fields {
		if a, b := old.Values[f.Name], new.Values[f.Name]; a != b {
			changed = append(changed, fmt.Sprintf("%s %q instead of %q", f.Name, b, a))
		}
	}
	if changed != nil {
		return Comparison{NewValues, old.Rule, strings.Join(changed, ", ")}
	}
	if old.Cooldown != new.Cooldown {
		changed = append(changed, fmt.Sprintf("a cool-down of %v instead of %v", new.Cooldown, old.Cooldown))
	}
	if !slices.Equal(old.Rates, new.Rates) {
		changed = append(changed, "other rates")
	}
	if !slices.Equal(old.Quotas, new.Quotas) {
		changed = append(changed, "other daily jobs")
	}
	if changed != nil {
		return Comparison{NewLimits, old.Rule, strings.Join(changed, ", ")}
	}
	return Comparison{Change: Same}
}
