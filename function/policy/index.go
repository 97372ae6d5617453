package policy

import (
	"iter"
	"maps"
	"slices"

	"backupportal/function/param"
)

// An index finds the rules that may cover a request, without reading all rules. It never misses
// such a rule. It can also return rules that do not cover the request, so the caller must check
// each. Its lists hold numbers of rules in the order of the policy file.
type index struct {
	rules   map[indexKey][]int // rules without tags
	tagged  map[indexKey][]int // rules with tags: under the empty prefix, and under one of their tags
	named   map[indexKey]bool  // whether a rule for the team names the account; the key has no resource
	lengths []int              // the lengths of all prefixes of resource ids among the keys of rules, for lookups
}

// An indexKey says under which team, account and resource a rule is stored in an index. A rule
// has one key for each combination of its teams, its accounts and its resources:
//
//	resource     isPrefix  the rule names
//	"i-bp1abc"   false     this id
//	"i-bp1"      true      this prefix
//	""           true      any resource; in tagged, any tags
//	"prod"       false     in tagged: this value of the tag, the alphabetically first of the rule
type indexKey struct {
	team              int
	account, resource string
	isPrefix          bool
	tag               string // key of the tag, whose value is resource; empty outside tagged
}

// newIndex returns an index that finds rules by team, account and resource.
func newIndex(rules []rule) index {
	x := index{rules: map[indexKey][]int{}, tagged: map[indexKey][]int{}, named: map[indexKey]bool{}}
	for i, r := range rules {
		resources, tags := r.indexKeys(), r.tagIndexKeys()
		for _, found := range resources {
			if found.isPrefix && !slices.Contains(x.lengths, len(found.resource)) {
				x.lengths = append(x.lengths, len(found.resource))
			}
		}
		for _, team := range r.teams {
			for _, account := range r.accounts {
				x.named[indexKey{team: team, account: account}] = true
				for _, found := range resources {
					appendRule(x.rules, indexKey{team, account, found.resource, found.isPrefix, ""}, i)
				}
				for _, found := range tags {
					appendRule(x.tagged, indexKey{team, account, found.resource, found.isPrefix, found.tag}, i)
				}
			}
		}
	}
	return x
}

// appendRule appends the number of a rule to the list under key. It does nothing if the number
// is already the last one there.
func appendRule(lists map[indexKey][]int, key indexKey, rule int) {
	if n := len(lists[key]); n == 0 || lists[key][n-1] != rule {
		lists[key] = append(lists[key], rule)
	}
}

// names reports whether a rule for one of the teams names the account.
func (x index) names(teams []int, account string) bool {
	return slices.ContainsFunc(teams, func(team int) bool { return x.named[indexKey{team: team, account: account}] })
}

// indexKeys returns the keys of r's resources in index.rules, without team and account.
func (r rule) indexKeys() (keys []indexKey) {
	for _, some := range []resources{r.instances, r.clusters} {
		for _, id := range some.ids {
			keys = append(keys, indexKey{resource: id})
		}
		for _, prefix := range some.prefixes {
			keys = append(keys, indexKey{resource: prefix, isPrefix: true})
		}
		if some.any {
			keys = append(keys, indexKey{isPrefix: true})
		}
	}
	return keys
}

// tagIndexKeys returns the keys of r in index.tagged, or nil if r has no tags. It uses only one
// of the tags of r, because the instance must have all of them.
func (r rule) tagIndexKeys() []indexKey {
	if r.instances.tags == nil {
		return nil
	}
	first := slices.Min(slices.Collect(maps.Keys(r.instances.tags)))
	return []indexKey{{isPrefix: true}, {tag: first, resource: r.instances.tags[first]}}
}

// covering returns the rules for the teams that may cover the request, in the order of the
// file.
func (x index) covering(teams []int, p param.Params) iter.Seq[int] {
	return mergeRules(append(x.untagged(teams, p), x.byTag(teams, p)...))
}

// untagged returns the rules without tags for the teams that may cover the request, as several
// lists: by the id of the resource, by a prefix of the id, and by any_instance or any_cluster.
func (x index) untagged(teams []int, p param.Params) (lists [][]int) {
	resource := p["InstanceId"]
	if p.SourceType() == param.Container {
		resource = p["ContainerClusterId"]
	}
	account := p["Account"]
	for _, team := range teams {
		if rules := x.rules[indexKey{team: team, account: account, resource: resource}]; len(rules) > 0 {
			lists = append(lists, rules)
		}
		for _, n := range x.lengths {
			if n > len(resource) {
				continue
			}
			if rules := x.rules[indexKey{team: team, account: account, resource: resource[:n], isPrefix: true}]; len(rules) > 0 {
				lists = append(lists, rules)
			}
		}
	}
	return lists
}

// byTag returns, as several lists, the rules for the teams that name tags. It returns none
// for a container backup.
func (x index) byTag(teams []int, p param.Params) (lists [][]int) {
	if p.SourceType() == param.Container {
		return nil
	}
	for _, team := range teams {
		if rules := x.tagged[indexKey{team: team, account: p["Account"], isPrefix: true}]; len(rules) > 0 {
			lists = append(lists, rules)
		}
	}
	return lists
}

// withTags returns those rules of byTag that may cover an instance with these tags.
func (x index) withTags(teams []int, p param.Params, tags map[string]string) (lists [][]int) {
	for _, team := range teams {
		for key, value := range tags {
			if rules := x.tagged[indexKey{
				team:     team,
				account:  p["Account"],
				resource: value,
				tag:      key,
			}]; len(rules) > 0 {
				lists = append(lists, rules)
			}
		}
	}
	return lists
}

// mergeRules iterates over the numbers in all lists in ascending order, each once. The
// lists are ascending themselves.
func mergeRules(lists [][]int) iter.Seq[int] {
	return func(yield func(int) bool) {
		lists := slices.Clone(lists)
		for last := -1; ; {
			next := -1
			for i, rules := range lists {
				for len(rules) > 0 && rules[0] <= last {
					rules = rules[1:]
				}
				lists[i] = rules
				if len(rules) > 0 && (next < 0 || rules[0] < next) {
					next = rules[0]
				}
			}
			if next < 0 || !yield(next) {
				return
			}
			last = next
		}
	}
}
