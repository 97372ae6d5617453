package policy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// withTags returns the test policy base with a rule for alice's team that has tags instead of a
// list of instances.
func withTags(t *testing.T, tags string) string {
	t.Helper()
	return change(t, base, "instances: [i-web1, i-web2]", "instance_tags: "+tags)
}

// An ecs is a TagReader for tests. It returns the configured tags or error, and records its
// calls.
type ecs struct {
	tags  map[string]map[string]string
	err   error
	asked []string // for each call: principal, alias and region, then the ids
	now   time.Time
}

func (e *ecs) read(_ context.Context, target backup.Target, ids []string) (map[string]map[string]string, error) {
	e.asked = append(e.asked, target.Principal.ID()+" "+target.Account.Alias+" "+target.Region)
	e.asked = append(e.asked, ids...)
	return e.tags, e.err
}

// in loads text as a policy that reads tags from e.
func (e *ecs) in(t *testing.T, text string) *Policy {
	t.Helper()
	e.now = time.Unix(1_800_000_000, 0)
	return mustLoad(t, text).Tagged(e.read, func() time.Time { return e.now })
}

// TestTagsMustAllMatch proves that an instance must have all tags of the rule with exactly the same
// values. An instance that does not exist has no tags.
func TestTagsMustAllMatch(t *testing.T) {
	for name, c := range map[string]struct {
		tags map[string]string
		want bool
	}{
		"both":             {map[string]string{"team": "web", "stage": "prod"}, true},
		"both and another": {map[string]string{"team": "web", "stage": "prod", "x": "y"}, true},
		"one":              {map[string]string{"team": "web"}, false},
		"another value":    {map[string]string{"team": "web", "stage": "prod2"}, false},
		"capitals":         {map[string]string{"Team": "web", "stage": "Prod"}, false},
		"blank value":      {map[string]string{"team": "web", "stage": ""}, false},
		"none":             {map[string]string{}, false},
		"no instance":      {nil, false},
	} {
		e := &ecs{tags: map[string]map[string]string{"i-web1": c.tags, "i-web2": {"team": "web", "stage": "prod"}}}
		if c.tags == nil {
			delete(e.tags, "i-web1")
		}
		p := e.in(t, withTags(t, "{team: web, stage: prod}"))
		grant, denied := p.Decide(t.Context(), alice, allowed())
		if got := grant.Rule != ""; got != c.want || got == (denied != nil) {
			t.Errorf("%s: %+v %v", name, grant, sentences(param.English, denied))
		}
		if !c.want && sentences(param.English, denied) != "InstanceId: Rule “payments-prod” does not include this instance. Snapshots cost money. Contact: platform team\nAccount: Rule “short” does not include this account" {
			t.Errorf("%s: %s", name, sentences(param.English, denied))
		}
		if got := p.May(t.Context(), alice, backup.ActionView, allowed()); got != c.want {
			t.Errorf("%s: viewing %v", name, got)
		}
	}
}

// TestTagsAreReadAfterOtherConditions proves that the policy reads tags only if all other
// conditions hold, and reads them for the principal who makes the request. Requirements CD-3 and
// CD-7.
func TestTagsAreReadAfterOtherConditions(t *testing.T) {
	for name, c := range map[string]struct {
		who    identity.Principal
		params param.Params
		asks   bool
	}{
		"all else holds":     {alice, allowed(), true},
		"another team":       {identity.Principal{Kind: identity.KindSource, Subject: "stranger"}, allowed(), false},
		"another account":    {alice, with(allowed(), "Account", "sandbox"), false},
		"no account":         {alice, with(allowed(), "Account", "nowhere"), false},
		"another region":     {alice, with(allowed(), "Region", "cn-shanghai"), false},
		"another kind":       {alice, with(allowed(), "SourceType", "ECS_FILE"), false},
		"no instance":        {alice, with(allowed(), "InstanceId", ""), false},
		"no id":              {alice, with(allowed(), "InstanceId", "i-web1\"]"), false},
		"id without end":     {alice, with(allowed(), "InstanceId", "i-"+strings.Repeat("a", 63)), false},
		"too long":           {alice, with(allowed(), "Retention", "31"), false},
		"copy elsewhere":     {alice, with(allowed(), "Detail.destinationRegionId", "cn-beijing"), false},
		"script not granted": {alice, with(allowed(), "Detail.preScriptPath", "/opt/backup/x.sh"), false},
	} {
		e := &ecs{}
		p := e.in(t, withTags(t, "{team: web}"))
		if grant, denied := p.Decide(t.Context(), c.who, c.params); grant.Rule != "" || denied == nil {
			t.Errorf("%s: allowed", name)
		}
		if asked := e.asked != nil; asked != c.asks {
			t.Errorf("%s: ECS was asked %v", name, e.asked)
		}
		if want := []string{alice.ID() + " prod cn-hangzhou", "i-web1"}; c.asks && !slices.Equal(e.asked, want) {
			t.Errorf("%s: ECS was asked %v, want %v", name, e.asked, want)
		}
	}
	e := &ecs{}
	e.in(t, base).Decide(t.Context(), alice, allowed())
	e.in(t, base).May(t.Context(), alice, backup.ActionView, allowed())
	off := e.in(t, change(t, withTags(t, "{team: web}"), "enabled: true\naccounts", "enabled: false\naccounts"))
	off.Decide(t.Context(), alice, allowed())
	if e.asked != nil {
		t.Errorf("without tags, or with backups switched off: %v", e.asked)
	}
}

// TestUntaggedRuleAvoidsReadingTags proves that tags are not read if a rule without tags allows
// the action, wherever it is in the file: reading tags is a call of the cloud.
func TestUntaggedRuleAvoidsReadingTags(t *testing.T) {
	e := &ecs{}
	p := e.in(t, change(t, withTags(t, "{team: web}"), "id: short", "id: twin\n    teams: [payments]\n    actions: [backup.view]\n    accounts: [prod]\n    regions: [cn-hangzhou]\n    source_types: [UDM_ECS]\n    any_instance: true\n  - id: short"))
	if !p.May(t.Context(), alice, backup.ActionView, allowed()) || e.asked != nil {
		t.Errorf("viewing asked %v", e.asked)
	}
	if p.May(t.Context(), alice, backup.ActionCancel, allowed()) || e.asked == nil {
		t.Errorf("cancelling goes by another rule, and asked %v", e.asked)
	}
}

// TestTagsFailClosed proves that unknown tags allow nothing. Tags are unknown if ECS fails, if the
// policy has no TagReader, or if the answer has only other instances. Threat T22.
func TestTagsFailClosed(t *testing.T) {
	const want = "InstanceId: Rule “payments-prod” depends on the tags of the instance, which cannot be read at the moment. Snapshots cost money. Contact: platform team\nAccount: Rule “short” does not include this account"
	matching := map[string]map[string]string{"i-web1": {"team": "web"}}
	failing := &ecs{tags: matching, err: errors.New("away")}
	for name, p := range map[string]*Policy{"ECS away": failing.in(t, withTags(t, "{team: web}")), "nobody reads": mustLoad(t, withTags(t, "{team: web}"))} {
		grant, denied := p.Decide(t.Context(), alice, allowed())
		if grant.Rule != "" || sentences(param.English, denied) != want {
			t.Errorf("%s: %+v %s", name, grant, sentences(param.English, denied))
		}
		if p.May(t.Context(), alice, backup.ActionView, allowed()) || p.May(t.Context(), alice, backup.ActionCancel, allowed()) {
			t.Errorf("%s: may be seen", name)
		}
	}
	other := &ecs{tags: map[string]map[string]string{"i-web2": {"team": "web"}}}
	if grant, _ := other.in(t, withTags(t, "{team: web}")).Decide(t.Context(), alice, allowed()); grant.Rule != "" {
		t.Error("the tags of another instance counted")
	}
}

// TestTagCacheTimes proves that the policy caches tags for a minute and failures for five seconds,
// separately for each principal. Requirement CD-7.
func TestTagCacheTimes(t *testing.T) {
	e := &ecs{tags: map[string]map[string]string{"i-web1": {"team": "web"}}}
	p := e.in(t, withTags(t, "{team: web}"))
	allows := func(who identity.Principal) bool {
		grant, _ := p.Decide(t.Context(), who, allowed())
		return grant.Rule != ""
	}
	calls := func() int { n := len(e.asked) / 2; e.asked = nil; return n }
	for range 2 {
		if !allows(alice) || !p.May(t.Context(), alice, backup.ActionView, allowed()) {
			t.Error("refused")
		}
	}
	if n := calls(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	if !allows(identity.Principal{Kind: identity.KindSource, Subject: "ci"}) || calls() != 1 {
		t.Error("what alice read counted for another")
	}
	e.tags, e.now = nil, e.now.Add(tagsTTL-time.Millisecond)
	if !allows(alice) || calls() != 0 {
		t.Error("not believed for a minute")
	}
	e.now = e.now.Add(time.Millisecond)
	if allows(alice) || calls() != 1 {
		t.Error("believed for more than a minute")
	}
	e.now, e.err = e.now.Add(tagsTTL), errors.New("away")
	for range 2 {
		if allows(alice) {
			t.Error("allowed by what could not be read")
		}
	}
	if n := calls(); n != 1 {
		t.Errorf("asked %d times after a failure", n)
	}
	e.err, e.tags, e.now = nil, map[string]map[string]string{"i-web1": {"team": "web"}}, e.now.Add(tagsFailureTTL)
	if !allows(alice) || calls() != 1 {
		t.Error("a failure was believed for more than five seconds")
	}
}

// TestCancelledReadIsNotCached proves that nothing is cached if a caller cancels while tags are
// read. The next caller reads the tags again.
func TestCancelledReadIsNotCached(t *testing.T) {
	e := &ecs{err: context.Canceled}
	p := e.in(t, withTags(t, "{team: web}"))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if grant, _ := p.Decide(gone, alice, allowed()); grant.Rule != "" {
		t.Error("allowed without tags")
	}
	e.err, e.tags = nil, map[string]map[string]string{"i-web1": {"team": "web"}}
	if grant, _ := p.Decide(t.Context(), alice, allowed()); grant.Rule == "" {
		t.Error("refused by what was not read for another")
	}
}

// TestPrefetchTagsCallsOncePerRegion proves that PrefetchTags makes one call for each account and
// region. It asks only about instances that no rule without tags covers.
func TestPrefetchTagsCallsOncePerRegion(t *testing.T) {
	e := &ecs{tags: map[string]map[string]string{"i-a": {"team": "web"}, "i-b": {"team": "data"}}}
	p := e.in(t, withTags(t, "{team: web}"))
	list := []param.Params{
		with(allowed(), "InstanceId", "i-a"), with(allowed(), "InstanceId", "i-b"), with(allowed(), "InstanceId", "i-a"), with(allowed(), "InstanceId", "i-gone"),
		with(allowed(), "Region", "cn-shanghai"), allowedContainer(), {},
	}
	p.PrefetchTags(t.Context(), alice, backup.ActionView, list)
	want := []string{alice.ID() + " prod cn-hangzhou", "i-a", "i-b", "i-gone"}
	if !slices.Equal(e.asked, want) {
		t.Errorf("asked %v, want %v", e.asked, want)
	}
	for i, want := range []bool{true, false, true, false, false, true, false} {
		if got := p.May(t.Context(), alice, backup.ActionView, list[i]); got != want {
			t.Errorf("%v: %v, want %v", list[i], got, want)
		}
	}
	if len(e.asked) != len(want) {
		t.Errorf("asked again: %v", e.asked)
	}
	p.PrefetchTags(t.Context(), identity.Principal{}, backup.ActionView, list)
	mustLoad(t, base).PrefetchTags(t.Context(), alice, backup.ActionView, list)
	if len(e.asked) != len(want) {
		t.Errorf("asked for nobody: %v", e.asked)
	}
}

// TestOfferAndRulesShowTags proves that Offer and Rules include rules with tags.
func TestOfferAndRulesShowTags(t *testing.T) {
	p := mustLoad(t, withTags(t, "{team: web, stage: prod}"))
	if o := p.Offer(alice, param.UDMECS); !o.AnyInstance || o.Instances != nil {
		t.Errorf("offer %+v", o)
	}
	if got := p.Rules(alice)[0].Resources; !slices.Equal(got, []string{"stage=prod", "team=web"}) {
		t.Errorf("resources %v", got)
	}
	verdicts := p.Explain(t.Context(), alice, backup.ActionCreate, allowed())
	if want := (Verdict{Rule: "payments-prod", Field: "InstanceId", Because: "The rule applies only to instances with stage=prod, team=web"}); verdicts[0] != want {
		t.Errorf("explained as %+v", verdicts[0])
	}
}
