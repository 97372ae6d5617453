package policy

import (
	"slices"

	"backupportal/function/param"
)

// resourceKeys are the keys of a rule that say which resources it covers. It has
// one of them if it covers kinds of backup with such resources; only ids and
// prefixes may stand together.
type resourceKeys struct {
	ids, prefixes, tags, all string // prefixes and tags may be empty
	shape                    shape
	of                       []param.SourceType
}

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

// wanted reports whether one of the keys must be there. If the kinds of
// backup are a problem themselves, only what is there is judged.
func (k resourceKeys) wanted(sources []param.SourceType, given bool) bool {
	if len(sources) == 0 || slices.ContainsFunc(sources, func(s param.SourceType) bool { return !s.Known() }) {
		return given
	}
	return slices.ContainsFunc(sources, func(s param.SourceType) bool { return slices.Contains(k.of, s) })
}

// resources reads what may be backed up: a list of ids, or the word that all
// may be, but never nothing. That all may be must be said, so that a list that
// was forgotten does not turn into a grant. Keys that do not matter for the
// rule's kinds of backup are refused, since they look as if they limited it.
func (l *loader) resources(rule place, m map[string]place, k resourceKeys, sources []param.SourceType) resources {
	ids, begins, tags, all := m[k.ids], m[k.prefixes], m[k.tags], m[k.all]
	r := resources{
		ids:      list(l, ids, func(p place) string { return l.shaped(p, k.shape) }),
		prefixes: list(l, begins, func(p place) string { return l.shaped(p, prefixShape) }),
		tags:     l.tagsOf(tags),
		any:      l.flag(all),
	}
	given := ids.node != nil || begins.node != nil || tags.node != nil
	switch {
	case !k.wanted(sources, given || all.node != nil):
		for _, p := range []place{ids, begins, tags, all} {
			if p.node != nil {
				l.wrong(p, "has no effect for these source_types: remove it")
			}
		}
	case tags.node != nil && (r.any || ids.node != nil || begins.node != nil):
		l.wrong(tags, "cannot be combined with other instance keys: write a separate rule for it")
	case r.any && begins.node != nil:
		l.wrong(begins, "contradicts %s: true: keep one of them", k.all)
	case r.any && ids.node != nil:
		l.wrong(ids, "contradicts %s: true: keep one of them", k.all)
	case !r.any && !given && !l.refused[all.node]:
		l.lacks(rule, rule.at(k.ids, nil).path, "is missing: list them, or write %s: true", k.all)
	}
	return r
}
