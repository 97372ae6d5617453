package policy

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strconv"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// maxPresets is the maximum number of presets in a policy, because pages and refusals list all
// of them.
const maxPresets = 20

// Presets returns the presets (named sets of values) that who may use, in the order of the
// policy file. Who may use a preset if a rule allows its values with some values for the other
// parameters. It calls no cloud: a preset with an instance is also returned if only the tags of
// the instance can decide.
func (p *Policy) Presets(who identity.Principal) []backup.Preset { return p.PresetsFor(who, nil, nil) }

// PresetsFor returns those presets of [Policy.Presets] that a rule allows together with the
// values given, such as an instance with its account and region. It leaves out presets with
// another value for a given parameter. tags are the tags of the given instance; nil means that
// they are not known.
func (p *Policy) PresetsFor(who identity.Principal, given param.Params, tags map[string]string) (some []backup.Preset) {
	if len(p.presets) == 0 || !p.enabled {
		return nil
	}
	rules := p.rulesFor(who, backup.ActionCreate)
	for _, preset := range p.presets {
		if p.anyAllows(rules, preset, given, tags) {
			some = append(some, preset)
		}
	}
	return some
}

// HiddenPresets returns the names of the presets that no rule allows for any person or program,
// in the order of the policy file. They are mistakes that an operator should correct.
func (p *Policy) HiddenPresets() (names []string) {
	for _, preset := range p.presets {
		createsNothing := func(r rule) bool { return !slices.Contains(r.actions, backup.ActionCreate) }
		if !p.anyAllows(slices.DeleteFunc(slices.Clone(p.rules), createsNothing), preset, nil, nil) {
			names = append(names, preset.Name)
		}
	}
	return names
}

// anyAllows reports whether one of rules allows the values of the preset together with given.
func (p *Policy) anyAllows(rules []rule, preset backup.Preset, given param.Params, tags map[string]string) bool {
	values := maps.Clone(preset.Values)
	for name, value := range given {
		if values[name] != "" && values[name] != value {
			return false
		}
		values[name] = value
	}
	return slices.ContainsFunc(rules, func(r rule) bool {
		for key, value := range r.instances.tags {
			got, ok := tags[key]
			if tags != nil && values.SourceType() != param.Container && (!ok || got != value) {
				return false
			}
		}
		return p.allowsPart(r, values)
	})
}

// allowsPart reports whether r allows a backup with these values and suitable values for the
// other parameters. A missing reason or ticket does not matter.
func (p *Policy) allowsPart(r rule, values param.Params) bool {
	r.why, r.ticket.required = false, false
	return slices.ContainsFunc(r.accounts, func(alias string) bool {
		a, _ := p.account(alias)
		return a.enabled && cmp.Or(values["Account"], alias) == alias && slices.ContainsFunc(r.regions, func(region string) bool {
			if !slices.Contains(a.Regions, region) || cmp.Or(values["Region"], region) != region {
				return false
			}
			whole := r.complete(values, alias, region)
			_, ok := r.allows(whole, r.fill(whole))
			return ok
		})
	})
}

// complete returns values and, for each parameter that r requires and values lacks, a value
// that r allows. values must have the account and the region.
func (r rule) complete(values param.Params, alias, region string) param.Params {
	p := maps.Clone(values)
	set := func(name, value string) {
		if p[name] == "" {
			p[name] = value
		}
	}
	set("Account", alias)
	set("Region", region)
	if p.SourceType() == param.Container {
		set("ContainerClusterId", r.clusters.member())
	} else {
		set("InstanceId", r.instances.member())
	}
	set("VaultId", cmp.Or(r.preset("VaultId"), r.vaults.member()))
	set("Retention", strconv.FormatInt(r.retention.min, 10))
	if r.copies != nil {
		set("Detail.destinationRegionId", r.copies.regions[0])
		set("Detail.destinationRetention", strconv.FormatInt(r.copies.retention.min, 10))
	}
	return p
}

// member returns any text that r allows as an id. It returns "" if r allows none.
func (r resources) member() string {
	switch {
	case len(r.ids) > 0:
		return r.ids[0]
	case len(r.prefixes) > 0:
		return r.prefixes[0]
	case r.any || r.tags != nil:
		return "any"
	}
	return ""
}

// presetList reads the key presets.
func (l *loader) presetList(p place) []backup.Preset {
	all := list(l, p, l.preset)
	if len(all) > maxPresets {
		l.wrong(p, "has %d presets: write at most %d", len(all), maxPresets)
	}
	return all
}

// preset reads one preset. Its name must be different from earlier ones.
func (l *loader) preset(p place) backup.Preset {
	m := l.mapping(p, []string{"name", "title", "description", "values"}, nil)
	preset := backup.Preset{
		Name:        l.shaped(m["name"], nameShape),
		Title:       l.words(m["title"]),
		Description: l.words(m["description"]),
		Values:      l.presetValues(m["values"]),
	}
	if _, again := l.presets[preset.Name]; again && preset.Name != "" {
		l.wrong(m["name"], "another preset has the name %q: choose another name", preset.Name)
	}
	l.presets[preset.Name] = preset.Values
	return preset
}

// presetValues reads the values of a preset. The result always has SourceType. The values are
// checked together. A preset may leave out values that a backup requires, because the caller
// gives them.
func (l *loader) presetValues(p place) param.Params {
	given := l.parameters(p, func(f param.Field) bool { return !f.Assigned && f.Name != "Preset" && f.Name != "Notify" })
	values := maps.Clone(given)
	if values == nil {
		values = param.Params{}
	}
	values["SourceType"] = string(values.SourceType())
	if p.node == nil || l.refused[p.node] || len(l.problems) > 0 {
		return values // problems of the values may follow from an earlier one
	}
	m := l.mapping(p, nil, slices.Sorted(maps.Keys(given)))
	at := func(name string) place {
		if found, ok := m[name]; ok {
			return found
		}
		return p
	}
	alias, region := values["Account"], values["Region"]
	if alias != "" {
		l.alias(m["Account"])
	}
	if region != "" && alias != "" {
		l.regionOf(m["Region"], []string{alias})
	}
	complete := values.WithDefaults()
	for _, f := range param.Fields {
		if given[f.Name] != "" && f.ForSource(values.SourceType()) && f.IsOff(complete) {
			l.wrong(at(f.Name), "has no effect without %s: %q: add it, or remove this value", f.Under.Name, f.Under.Value)
		}
	}
	bad, _ := errors.AsType[param.InvalidError](values.Validate())
	for _, mistake := range bad {
		if mistake.Code != "required" {
			l.wrong(at(mistake.Field), "%s", mistake.In(param.English))
		}
	}
	return values
}
