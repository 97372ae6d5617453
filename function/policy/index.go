package policy

import (
	"iter"
	"slices"

	"backupportal/function/backup"
)

// An index finds the rules that may cover a backup without looking at all of
// them. It only leaves out rules that surely do not: what is found is checked.
type index struct {
	rules   map[indexKey][]int
	named   map[indexKey]bool // whether a team's rule names an account, without a resource
	lengths []int             // of the prefixes that rules have
}

// An indexKey is where a rule is found: by one of its teams and one of its
// accounts, and by a resource that it lists, or by what its ids begin with; the
// beginning of those that it all covers is empty.
type indexKey struct {
	team              int
	account, resource string
	begins            bool
}

func newIndex(rules []rule) index {
	x := index{rules: map[indexKey][]int{}, named: map[indexKey]bool{}}
	for i, r := range rules {
		resources := r.listed()
		for _, found := range resources {
			if found.begins && !slices.Contains(x.lengths, len(found.resource)) {
				x.lengths = append(x.lengths, len(found.resource))
			}
		}
		for _, team := range r.teams {
			for _, account := range r.accounts {
				x.named[indexKey{team: team, account: account}] = true
				for _, found := range resources {
					key := indexKey{team, account, found.resource, found.begins}
					if n := len(x.rules[key]); n == 0 || x.rules[key][n-1] != i {
						x.rules[key] = append(x.rules[key], i)
					}
				}
			}
		}
	}
	return x
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
		if some.any || some.tags != nil {
			keys = append(keys, indexKey{begins: true})
		}
	}
	return keys
}

// covering are the numbers of the rules for one of the teams that may cover the
// backup, in the order of the file.
func (x index) covering(teams []int, p backup.Params) iter.Seq[int] {
	resource := p["InstanceId"]
	if p.SourceType() == backup.Container {
		resource = p["ContainerClusterId"]
	}
	account := p["Account"]
	var lists [][]int
	for _, team := range teams {
		if rules := x.rules[indexKey{team, account, resource, false}]; len(rules) > 0 {
			lists = append(lists, rules)
		}
		for _, n := range x.lengths {
			if n > len(resource) {
				continue
			}
			if rules := x.rules[indexKey{team, account, resource[:n], true}]; len(rules) > 0 {
				lists = append(lists, rules)
			}
		}
	}
	return func(yield func(int) bool) {
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
