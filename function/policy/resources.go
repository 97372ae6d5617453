package policy

import (
	"slices"

	"backupportal/function/param"
)

// resourceKeys lists the keys with which a rule names resources of one kind, such as instances.
// If one of the rule's source types uses this kind, the rule must have at least one of these
// keys; otherwise it must have none. Only ids and prefixes may be used together.
type resourceKeys struct {
	ids, prefixes, tags, all string // names of keys; prefixes and tags are "" if there is no such key
	shape                    shape  // form of an id
	of                       []param.SourceType
}

// The kinds of resources.
var (
	instanceKeys = resourceKeys{
		"instances",
		"instance_prefixes",
		"instance_tags",
		"any_instance",
		instanceShape,
		[]param.SourceType{param.UDMECS, param.ECSFile},
	}
	clusterKeys = resourceKeys{"clusters", "", "", "any_cluster", clusterShape, []param.SourceType{param.Container}}
	vaultKeys   = resourceKeys{
		"vaults",
		"",
		"",
		"any_vault",
		vaultShape,
		[]param.SourceType{param.ECSFile, param.Container},
	}
)

// wanted reports whether a rule with these source types must have one of the keys k. Otherwise
// it must have none. given says whether the rule has one. If sources is empty or has an unknown
// type, wanted returns given: the rule already has a problem, and the keys must not add
// another.
func (k resourceKeys) wanted(sources []param.SourceType, given bool) bool {
	if len(sources) == 0 || slices.ContainsFunc(sources, func(s param.SourceType) bool { return !s.Known() }) {
		return given
	}
	return slices.ContainsFunc(sources, func(s param.SourceType) bool { return slices.Contains(k.of, s) })
}

// resources reads the keys k of a rule. If the rule's source types use such resources, one of
// the keys is required. "All resources" must be written explicitly, so that a forgotten list
// does not allow everything. If they do not use them, the keys are refused: they would look
// like a limit that has no effect.
func (l *loader) resources(rule place, m map[string]place, k resourceKeys, sources []param.SourceType) resources {
	ids, prefixes, tags, all := m[k.ids], m[k.prefixes], m[k.tags], m[k.all]
	r := resources{
		ids:      list(l, ids, func(p place) string { return l.shaped(p, k.shape) }),
		prefixes: list(l, prefixes, func(p place) string { return l.shaped(p, prefixShape) }),
		tags:     l.tagsOf(tags),
		any:      l.flag(all),
	}
	given := ids.node != nil || prefixes.node != nil || tags.node != nil
	switch {
	case !k.wanted(sources, given || all.node != nil):
		for _, p := range []place{ids, prefixes, tags, all} {
			if p.node != nil {
				l.wrong(p, "has no effect for these source_types: remove it")
			}
		}
	case tags.node != nil && (r.any || ids.node != nil || prefixes.node != nil):
		l.wrong(tags, "cannot be combined with other instance keys: write a separate rule for it")
	case r.any && prefixes.node != nil:
		l.wrong(prefixes, "contradicts %s: true: keep one of them", k.all)
	case r.any && ids.node != nil:
		l.wrong(ids, "contradicts %s: true: keep one of them", k.all)
	case !r.any && !given && !l.refused[all.node]:
		l.lacks(rule, rule.at(k.ids, nil).path, "is missing: list them, or write %s: true", k.all)
	}
	return r
}
