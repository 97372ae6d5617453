package policy

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"backupportal/function/backup"
	"backupportal/function/cache"
	"backupportal/function/identity"
	"backupportal/function/lenhash"
	"backupportal/function/param"
	"backupportal/function/set"
)

// A TagReader returns the tags of instances in the account and region of target,
// in the name of its principal. An instance that is not there has no entry.
type TagReader func(ctx context.Context, target backup.Target, ids []string) (map[string]map[string]string, error)

// How long what was read is believed, and how long it is believed that nothing
// can be read; and how long a decision waits for it.
const (
	tagsLast   = time.Minute
	tagsFailed = 5 * time.Second
	tagsTake   = 5 * time.Second
)

// mostTagged bounds how many instances are remembered.
const mostTagged = 8192

// Tagged returns p with tags read by read, which may be asked before a decision
// if tags are all that is left to be decided. The policy that [Load] returns
// reads none, and no rule with instance_tags allows anything by it.
func (p *Policy) Tagged(read TagReader, now func() time.Time) *Policy {
	tagged := *p
	tagged.tags = &tagCache{read: read, now: now, known: cache.New[tagEntry](mostTagged, now)}
	return &tagged
}

// A tagCache remembers tags for as long as they are believed.
type tagCache struct {
	read  TagReader
	now   func() time.Time
	known *cache.Cache[tagEntry] // by tagKey
}

// tagKey is the key of an instance as one principal sees it: what was read for one
// person is not used for another.
func tagKey(target backup.Target, instance string) string {
	sum := lenhash.Sum(target.Principal.ID(), target.Account.Alias, target.Region, instance)
	return string(sum[:])
}

// A tagEntry is what is known of an instance. One that does not exist has no tags.
type tagEntry struct {
	tags   map[string]string
	failed bool // it could not be read
}

var errTagsUnread = errors.New("policy: tags could not be read")

// of returns the tags of an instance.
func (c *tagCache) of(ctx context.Context, target backup.Target, instance string) (map[string]string, error) {
	if c == nil {
		return nil, errTagsUnread
	}
	load := func(ctx context.Context) (tagEntry, time.Time, error) {
		entries, until, err := c.ask(ctx, target, []string{instance})
		return entries[instance], until, err
	}
	entry, err := c.known.Get(ctx, tagKey(target, instance), load)
	if err != nil || entry.failed {
		return nil, errTagsUnread
	}
	return entry.tags, nil
}

// fetch reads those of the instances that are not known, all in one call.
func (c *tagCache) fetch(ctx context.Context, target backup.Target, instances []string) {
	unknown := slices.DeleteFunc(slices.Clone(instances), func(id string) bool {
		_, ok := c.known.Look(tagKey(target, id))
		return ok
	})
	if len(unknown) == 0 {
		return
	}
	entries, until, err := c.ask(ctx, target, unknown)
	if err != nil {
		return
	}
	for id, entry := range entries {
		c.known.Put(tagKey(target, id), entry, until)
	}
}

// ask reads the tags of instances, and says until when they are believed. A failure
// is an entry too, so that a page full of instances waits only once. The only error
// is that ctx ended, which says nothing about the cloud.
func (c *tagCache) ask(
	ctx context.Context, target backup.Target, instances []string,
) (entries map[string]tagEntry, until time.Time, err error) {
	limited, cancel := context.WithTimeout(ctx, tagsTake)
	defer cancel()
	found, err := c.read(limited, target, instances)
	if err != nil && ctx.Err() != nil {
		return nil, time.Time{}, ctx.Err()
	}
	lasts := tagsLast
	if err != nil {
		lasts = tagsFailed
	}
	entries = map[string]tagEntry{}
	for _, id := range instances {
		entries[id] = tagEntry{tags: found[id], failed: err != nil}
	}
	return entries, c.now().Add(lasts), nil
}

// A tagLookup is the instance of one decision: its tags are looked up once, however
// many rules name some.
type tagLookup struct {
	policy *Policy
	who    identity.Principal
	params param.Params

	looked bool
	tags   map[string]string // none of what cannot be an instance, about which nobody is asked
	err    error
}

// has checks the last condition of r: that the instance has all the tags that r
// names. It holds if r names none. Everything else must have been checked, since
// the cloud may be asked.
func (s *tagLookup) has(ctx context.Context, r rule) (param.Mistake, bool) {
	if r.instances.tags == nil || s.params.SourceType() == param.Container {
		return param.Mistake{}, true
	}
	if s.look(ctx); s.err != nil {
		return r.explained(mistake("InstanceId", msgTagsUnread, r.id)), false
	}
	for key, value := range r.instances.tags {
		if got, ok := s.tags[key]; !ok || got != value {
			return r.leavesOut("InstanceId", nounInstance), false
		}
	}
	return param.Mistake{}, true
}

// look returns the tags of the instance, none if they cannot be read.
func (s *tagLookup) look(ctx context.Context) map[string]string {
	if id := s.params["InstanceId"]; !s.looked && instanceShape.pattern.MatchString(id) {
		s.tags, s.err = s.policy.tags.of(ctx, s.policy.targetOf(s.who, s.params), id)
	}
	s.looked = true
	return s.tags
}

func (p *Policy) targetOf(who identity.Principal, params param.Params) backup.Target {
	account, _ := p.Account(params["Account"])
	return backup.Target{Account: account, Region: params["Region"], Principal: who}
}

// PrefetchTags reads at once the tags that [Policy.May] will want of submissions with
// these parameters. It changes no answer but one: there is a call for each account
// and region, and not for each instance.
func (p *Policy) PrefetchTags(ctx context.Context, who identity.Principal, do backup.Action, all []param.Params) {
	if p.tags == nil || !p.hasTags {
		return
	}
	teams := p.teamsOf(who)
	wanted := map[[2]string][]string{}
	var order [][2]string
	for _, params := range all {
		if !p.asksForTags(teams, do, params) {
			continue
		}
		place := [2]string{params["Account"], params["Region"]}
		if wanted[place] == nil {
			order = append(order, place)
		}
		wanted[place] = set.Union(wanted[place], params["InstanceId"])
	}
	for _, place := range order {
		p.tags.fetch(ctx, p.targetOf(who, param.Params{"Account": place[0], "Region": place[1]}), wanted[place])
	}
}

// asksForTags reports whether May would have to know the tags: if only rules that
// name some are left.
func (p *Policy) asksForTags(teams []int, do backup.Action, complete param.Params) bool {
	a, ok := p.account(complete["Account"])
	if !ok || !slices.Contains(a.Regions, complete["Region"]) || complete.SourceType() == param.Container || !instanceShape.pattern.MatchString(complete["InstanceId"]) {
		return false
	}
	asks := false
	for i := range p.index.covering(teams, complete) {
		r := p.rules[i]
		if _, ok := r.covers(complete); ok && slices.Contains(r.actions, do) {
			if r.instances.tags == nil {
				return false
			}
			asks = true
		}
	}
	return asks
}

// mostTags is how many tags a rule may name: an instance has no more (ECS).
const mostTags = 20

// The shapes of a tag are those of ECS: up to 128 characters each.
var tagShape = newShape(`[^\pC]{1,128}`, "1 to 128 characters")

// tagsOf reads the tags that an instance must have. Keys are the writer's own.
func (l *loader) tagsOf(p place) map[string]string {
	switch {
	case p.node == nil:
		return nil
	case p.node.Kind != yaml.MappingNode:
		l.wrong(p, "write the tags here, such as {team: web}")
		return nil
	case len(p.node.Content) == 0:
		l.wrong(p, "is empty and would match every instance: add a tag")
		return nil
	case len(p.node.Content) > 2*mostTags:
		l.wrong(p, "has more tags than an instance can have: write at most %d", mostTags)
		return nil
	}
	tags := map[string]string{}
	for i := 0; i+1 < len(p.node.Content); i += 2 {
		key, value := p.node.Content[i], p.node.Content[i+1]
		tags[l.shaped(p.at(key.Value, key), tagShape)] = l.shaped(p.at(key.Value, value), tagShape)
	}
	return tags
}

// tagWords are the tags of r for people.
func (r resources) tagWords() (words []string) {
	for _, key := range slices.Sorted(maps.Keys(r.tags)) {
		words = append(words, key+"="+r.tags[key])
	}
	return words
}

// readable refuses tags of instances that the portal cannot see: in an account
// that Cloud Backup reaches by itself it takes on no role.
func (l *loader) readable(tags place, r rule) {
	if tags.node == nil {
		return
	}
	for _, alias := range r.accounts {
		if l.accounts[alias].Access == backup.HBRCrossAccount {
			l.wrong(tags, "cannot be used with account %s, which has access: %s: write a separate rule for this account", alias, backup.HBRCrossAccount)
		}
	}
}
