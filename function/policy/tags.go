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

// A TagReader returns the tags of ECS instances, by instance id, in the account and region of
// target. It calls the cloud for target.Principal. An instance that does not exist has no
// entry. After an error no tags are known, of any instance.
type TagReader func(ctx context.Context, target backup.Target, ids []string) (map[string]map[string]string, error)

// Times of the cache of tags.
const (
	// tagsTTL is how long tags stay in the cache. If a tag is removed in ECS, rules with this tag
	// still allow backups for up to tagsTTL.
	tagsTTL        = time.Minute
	tagsFailureTTL = 5 * time.Second // how long the portal waits after a failure before it reads tags again
	tagsTimeout    = 5 * time.Second // timeout of one call that reads tags
)

// maxTagEntries is the maximum number of cached instances, over all principals.
const maxTagEntries = 8192

// Tagged returns a copy of p that reads the tags of instances with the function read and caches
// them. now is the clock of the cache. Without Tagged, rules with instance_tags allow nothing.
func (p *Policy) Tagged(read TagReader, now func() time.Time) *Policy {
	tagged := *p
	tagged.tags = &tagCache{read: read, now: now, known: cache.New[tagEntry](maxTagEntries, now)}
	return &tagged
}

// A tagCache keeps tags until they expire. A nil tagCache reads nothing.
type tagCache struct {
	read  TagReader
	now   func() time.Time
	known *cache.Cache[tagEntry] // cached tags, by tagKey
}

// tagKey returns the cache key of an instance for one principal. Tags that were read for one
// principal are not used for another, whose session policy may not permit reading them.
func tagKey(target backup.Target, instance string) string {
	sum := lenhash.Sum(target.Principal.ID(), target.Account.Alias, target.Region, instance)
	return string(sum[:])
}

// A tagEntry is the cached result for one instance.
type tagEntry struct {
	tags   map[string]string // nil if the instance does not exist
	failed bool              // the call failed: the tags are unknown
}

// errTagsUnreadable means that the cloud did not return the tags, or that the policy has no
// reader of tags.
var errTagsUnreadable = errors.New("policy: tags could not be read")

// get returns the tags of an instance, from the cache or from the cloud. The only error is
// errTagsUnreadable.
func (c *tagCache) get(ctx context.Context, target backup.Target, instance string) (map[string]string, error) {
	if c == nil {
		return nil, errTagsUnreadable
	}
	load := func(ctx context.Context) (tagEntry, time.Time, error) {
		entries, until, err := c.readAll(ctx, target, []string{instance})
		return entries[instance], until, err
	}
	entry, err := c.known.Get(ctx, tagKey(target, instance), load)
	if err != nil || entry.failed {
		return nil, errTagsUnreadable
	}
	return entry.tags, nil
}

// fetch puts the tags of instances into the cache; it reads all missing ones with one call. It
// ignores errors, because get will read the tags again.
func (c *tagCache) fetch(ctx context.Context, target backup.Target, instances []string) {
	unknown := slices.DeleteFunc(slices.Clone(instances), func(id string) bool {
		_, ok := c.known.Look(tagKey(target, id))
		return ok
	})
	if len(unknown) == 0 {
		return
	}
	entries, until, err := c.readAll(ctx, target, unknown)
	if err != nil {
		return
	}
	for id, entry := range entries {
		c.known.Put(tagKey(target, id), entry, until)
	}
}

// readAll calls the cloud for the tags of instances. It returns an entry for each instance and
// the time until which the entries may be used. If the call fails, the entries say so, so that
// a page with many instances waits only once. The only error is that of ctx. It says nothing
// about the cloud, so it must not be cached.
func (c *tagCache) readAll(
	ctx context.Context, target backup.Target, instances []string,
) (entries map[string]tagEntry, until time.Time, err error) {
	limited, cancel := context.WithTimeout(ctx, tagsTimeout)
	defer cancel()
	found, err := c.read(limited, target, instances)
	if err != nil && ctx.Err() != nil {
		return nil, time.Time{}, ctx.Err()
	}
	lasts := tagsTTL
	if err != nil {
		lasts = tagsFailureTTL
	}
	entries = map[string]tagEntry{}
	for _, id := range instances {
		entries[id] = tagEntry{tags: found[id], failed: err != nil}
	}
	return entries, c.now().Add(lasts), nil
}

// A tagLookup reads the tags of the instance in one request. It reads them when the first rule
// needs them, and only once for all rules.
type tagLookup struct {
	policy *Policy
	who    identity.Principal
	params param.Params

	done bool
	tags map[string]string // nil if InstanceId has not the form of an id: then the cloud is not called
	err  error
}

// has checks the last condition of r: the instance has all tags of r. The condition is also met
// if r has no tags, and for every container backup. The caller must check all other conditions
// of r before, because has may call the cloud.
func (s *tagLookup) has(ctx context.Context, r rule) (param.Mistake, bool) {
	if r.instances.tags == nil || s.params.SourceType() == param.Container {
		return param.Mistake{}, true
	}
	if s.read(ctx); s.err != nil {
		return r.explained(mistake("InstanceId", msgTagsUnread, r.id)), false
	}
	for key, value := range r.instances.tags {
		if got, ok := s.tags[key]; !ok || got != value {
			return r.notCovered("InstanceId", nounInstance), false
		}
	}
	return param.Mistake{}, true
}

// read returns the tags of the instance, or nil if they cannot be read.
func (s *tagLookup) read(ctx context.Context) map[string]string {
	if id := s.params["InstanceId"]; !s.done && instanceShape.fits(id) {
		s.tags, s.err = s.policy.tags.get(ctx, s.policy.targetOf(s.who, s.params), id)
	}
	s.done = true
	return s.tags
}

// targetOf returns the account and region of params as a target for calls of the cloud.
func (p *Policy) targetOf(who identity.Principal, params param.Params) backup.Target {
	account, _ := p.Account(params["Account"])
	return backup.Target{Account: account, Region: params["Region"], Principal: who}
}

// PrefetchTags reads and caches the tags that [Policy.May] will need for submissions with the
// parameters all. It makes one call for each account and region, instead of one for each
// instance. It does not change the results of May.
func (p *Policy) PrefetchTags(ctx context.Context, who identity.Principal, do backup.Action, all []param.Params) {
	if p.tags == nil || !p.hasTags {
		return
	}
	teams := p.teamsOf(who)
	wanted := map[[2]string][]string{}
	var order [][2]string
	for _, params := range all {
		if !p.needsTags(teams, do, params) {
			continue
		}
		target := [2]string{params["Account"], params["Region"]}
		if wanted[target] == nil {
			order = append(order, target)
		}
		wanted[target] = set.Union(wanted[target], params["InstanceId"])
	}
	for _, target := range order {
		p.tags.fetch(ctx, p.targetOf(who, param.Params{"Account": target[0], "Region": target[1]}), wanted[target])
	}
}

// needsTags reports whether May needs the instance's tags for a request: a rule with tags
// covers it, and no rule without tags does.
func (p *Policy) needsTags(teams []int, do backup.Action, complete param.Params) bool {
	a, ok := p.account(complete["Account"])
	if !ok || !slices.Contains(a.Regions, complete["Region"]) {
		return false
	}
	if complete.SourceType() == param.Container || !instanceShape.fits(complete["InstanceId"]) {
		return false
	}
	needed := false
	for i := range p.index.covering(teams, complete) {
		r := p.rules[i]
		if _, ok := r.covers(complete); ok && slices.Contains(r.actions, do) {
			if r.instances.tags == nil {
				return false
			}
			needed = true
		}
	}
	return needed
}

// maxTags is the maximum number of tags of a rule. An ECS instance has at most 20.
const maxTags = 20

// tagShape matches a key or a value of a tag (ECS: at most 128 characters each).
var tagShape = shape{`[^\pC]{1,128}`, "1 to 128 characters"}

// tagsOf reads the tags that an instance must have. All keys of the mapping are allowed,
// because they are keys of tags.
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
	case len(p.node.Content) > 2*maxTags:
		l.wrong(p, "has more tags than an instance can have: write at most %d", maxTags)
		return nil
	}
	tags := map[string]string{}
	for i := 0; i+1 < len(p.node.Content); i += 2 {
		key, value := p.node.Content[i], p.node.Content[i+1]
		tags[l.shaped(p.at(key.Value, key), tagShape)] = l.shaped(p.at(key.Value, value), tagShape)
	}
	return tags
}

// tagWords returns the tags of r as "key=value", sorted by key, for people.
func (r resources) tagWords() (words []string) {
	for _, key := range slices.Sorted(maps.Keys(r.tags)) {
		words = append(words, key+"="+r.tags[key])
	}
	return words
}

// readable reports a problem if a rule with tags names an account with the access
// hbr_cross_account. The portal has no role in such an account, so it cannot read tags there.
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
