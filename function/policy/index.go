package policy

import (
	"iter"
	"maps"
	"slices"

	"backupportal/function/param"
)

// An index finds the rules that may cover a backup without looking at all of
// them. It only leaves out rules that surely do not: what is found is checked.
type index struct {
	rules   map[indexKey][]int
	tagged  map[indexKey][]int // those that go by tags: all, and by the first of their tags
	named   map[indexKey]bool  // whether a team's rule names an account, without a resource
	lengths []int              // of the prefixes that rules have
}

// An indexKey is where a rule is found: by one of its teams and one of its
// accounts, and by a resource that it lists, by what its ids begin with, or by a
// tag; the beginning of those that it all covers is empty.
type indexKey struct {
	team              int
	account, resource string
	begins            bool
	tag               string // key of the tag; resource is its value
}

func newIndex(rules []rule) index {
	x := index{rules: map[indexKey][]int{}, tagged: map[indexKey][]int{}, named: map[indexKey]bool{}}
	for i, r := range rules {
		resources, tags := r.listed(), r.listedTags()
		for _, found := range resources {
			if found.begins && !slices.Contains(x.lengths, len(found.resource)) {
				x.lengths = append(x.lengths, len(found.resource))
			}
		}
		for _, team := range r.teams {
			for _, account := range r.accounts {
				x.named[indexKey{team: team, account: account}] = true
				for _, found := range resources {
					put(x.rules, indexKey{team, account, found.resource, found.begins, ""}, i)
				}
				for _, found := range tags {
					put(x.tagged, indexKey{team, account, found.resource, found.begins, found.tag}, i)
				}
			}
		}
	}
	return x
}

// put adds a rule, once.
func put(lists map[indexKey][]int, key indexKey, rule int) {
	if n := len(lists[key]); n == 0 || lists[key][n-1] != rule {
		lists[key] = append(lists[key], rule)
	}
}

// names reports whether a rule for one of the teams names the account.
func (x index) names(teams []int, account string) bool {
	return slices.ContainsFunc(teams, func(team int) bool { return x.named[indexKey{team: team, account: account}] })
}

// listed are the keys by which r is found, without team and account.
func (r rule) listed() (keys []indexKey) {
	for _, some := range []resources{r.instances, r.clusters} {
		for _, id := range some.ids {
			keys = append(keys, indexKey{resource: id})
		}
		for _, prefix := range some.prefixes {
			keys = append(keys, indexKey{resource: prefix, begins: true})
		}
		if some.any {
			keys = append(keys, indexKey{begins: true})
		}
	}
	return keys
}

// listedTags are the keys by which r is found if it goes by tags.
func (r rule) listedTags() []indexKey {
	if r.instances.tags == nil {
		return nil
	}
	first := slices.Min(slices.Collect(maps.Keys(r.instances.tags)))
	return []indexKey{{begins: true}, {tag: first, resource: r.instances.tags[first]}}
}

// covering are the numbers of the rules for one of the teams that may cover the
// backup, in the order of the file.
func (x index) covering(teams []int, p param.Params) iter.Seq[int] {
	return merged(append(x.plain(teams, p), x.byTags(teams, p)...))
}

// plain are the rules for each of the teams that may cover the backup whatever
// tags its instance has.
func (x index) plain(teams []int, p param.Params) (lists [][]int) {
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
			if rules := x.rules[indexKey{team: team, account: account, resource: resource[:n], begins: true}]; len(rules) > 0 {
				lists = append(lists, rules)
			}
		}
	}
	return lists
}

// byTags are the rules for each of the teams that go by tags of an instance.
func (x index) byTags(teams []int, p param.Params) (lists [][]int) {
	if p.SourceType() == param.Container {
		return nil
	}
	for _, team := range teams {
		if rules := x.tagged[indexKey{team: team, account: p["Account"], begins: true}]; len(rules) > 0 {
			lists = append(lists, rules)
		}
	}
	return lists
}

// having are those of byTags that may cover an instance with these tags.
func (x index) having(teams []int, p param.Params, tags map[string]string) (lists [][]int) {
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

// merged goes through the rules of all lists in the order of the file.
func merged(lists [][]int) iter.Seq[int] {
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
