package policy

import (
	"slices"
	"strconv"

	"backupportal/function/backup"
)

// Decide returns the grant of the first rule that allows the backup. If there is
// none, denied is not empty: what stands in the way of every rule, or else the
// first condition of each rule that does not hold, in the order of the file.
//
// Every principal is treated alike in this version.
func (p *Policy) Decide(_ backup.Principal, complete backup.Params) (grant backup.Grant, denied []backup.Mistake) {
	if stop, ok := p.beforeRules(complete); !ok {
		return backup.Grant{}, []backup.Mistake{stop}
	}
	for _, r := range p.rules {
		failed, ok := r.allows(complete)
		if ok {
			return backup.Grant{Rule: r.id}, nil
		}
		denied = append(denied, failed)
	}
	if denied == nil {
		denied = []backup.Mistake{mistake("", msgNoRule)}
	}
	return backup.Grant{}, denied
}

// MayView reports whether somebody may see a backup with these parameters: if
// a rule covers its account, region, kind and resource. How long it is kept,
// what was copied and which scripts ran do not matter, nor whether new backups
// are switched off.
func (p *Policy) MayView(_ backup.Principal, complete backup.Params) bool {
	a, ok := p.account(complete["Account"])
	if !ok || !slices.Contains(a.Regions, complete["Region"]) {
		return false
	}
	return slices.ContainsFunc(p.rules, func(r rule) bool {
		_, ok := r.covers(complete)
		return ok
	})
}

// beforeRules checks what must hold whatever the rules say. The switch comes
// first: while it is off, nobody need find out what else would be refused.
func (p *Policy) beforeRules(complete backup.Params) (backup.Mistake, bool) {
	alias, region := complete["Account"], complete["Region"]
	a, known := p.account(alias)
	switch {
	case !p.enabled:
		return mistake("", msgSwitchedOff), false
	case !known:
		return mistake("Account", msgNoAccount, alias), false
	case !a.enabled:
		return mistake("Account", msgAccountOff, alias), false
	case !slices.Contains(a.Regions, region):
		return mistake("Region", msgNoRegion, alias, region), false
	}
	return backup.Mistake{}, true
}

// allows checks every condition of r, and returns the first that does not hold
// as a mistake. Each condition looks at values of the request alone, and a
// value that is missing where one is needed fails.
func (r rule) allows(p backup.Params) (backup.Mistake, bool) {
	if failed, ok := r.covers(p); !ok {
		return failed, false
	}
	if !r.retention.hold(p["Retention"]) {
		return r.allowsDays("Retention", r.retention), false
	}
	if failed, ok := r.allowsCopy(p); !ok {
		return failed, false
	}
	for _, field := range []string{"Detail.preScriptPath", "Detail.postScriptPath"} {
		if path := p[field]; path != "" && !slices.Contains(r.scripts, path) {
			return r.leavesOut(field, nounScript), false
		}
	}
	return backup.Mistake{}, true
}

// covers checks the conditions that hold for seeing a backup too. They come
// first, so that whoever asks for something that is not theirs hears of that
// and not of the number of days.
func (r rule) covers(p backup.Params) (backup.Mistake, bool) {
	source := p.SourceType()
	switch {
	case !slices.Contains(r.accounts, p["Account"]):
		return r.leavesOut("Account", nounAccount), false
	case !slices.Contains(r.regions, p["Region"]):
		return r.leavesOut("Region", nounRegion), false
	case !slices.Contains(r.sources, source):
		return r.leavesOut("SourceType", nounSource), false
	case source == backup.Container && !r.clusters.cover(p["ContainerClusterId"]):
		return r.leavesOut("ContainerClusterId", nounCluster), false
	case source != backup.Container && !r.instances.cover(p["InstanceId"]):
		return r.leavesOut("InstanceId", nounInstance), false
	}
	return backup.Mistake{}, true
}

// allowsCopy checks the conditions on a copy in another region. Whatever might
// make one counts as asking for one: the domain's checks come first, but a
// grant must not hang on them.
func (r rule) allowsCopy(p backup.Params) (backup.Mistake, bool) {
	do, to, retention := p["Detail.doCopy"], p["Detail.destinationRegionId"], p["Detail.destinationRetention"]
	switch {
	case (do == "" || do == "false") && to == "" && retention == "":
		return backup.Mistake{}, true
	case r.copies == nil:
		return r.leavesOut("Detail.doCopy", nounCopy), false
	case !slices.Contains(r.copies.regions, to):
		return r.leavesOut("Detail.destinationRegionId", nounCopyRegion), false
	case !r.copies.retention.hold(retention):
		return r.allowsDays("Detail.destinationRetention", r.copies.retention), false
	}
	return backup.Mistake{}, true
}

// hold reports whether value, as a number of days, lies within d. What is no
// number lies nowhere.
func (d days) hold(value string) bool {
	n, err := strconv.ParseInt(value, 10, 64)
	return err == nil && d.min <= n && n <= d.max
}
