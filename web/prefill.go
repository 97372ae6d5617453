package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/policy"
	"backupportal/templates"
)

// prefilled returns the values of a form for source that the query of a link gives. Parameters
// are given by name, lists with one item per line or as the API takes them; controls are given
// by name. unknown has the names, sorted, that do not apply to this form or cannot be read.
// Values are not checked until the person continues.
func prefilled(source param.SourceType, query url.Values) (v templates.Values, unknown []string) {
	v = templates.Values{}
	for name := range query {
		field, isField := param.FieldNamed(name)
		switch {
		case name == "from", name == "page", name == linkName, name == linkWhole:
		case !isControl(name), isField && (field.Assigned || !field.ForSource(source)), !isPlainText(query.Get(name)):
			unknown = append(unknown, name)
		default:
			v[name] = tidy(name, query.Get(name))
		}
	}
	delete(v, "SourceType")
	mergeFound(v)
	mergeBoxes(v)
	for _, m := range expandText(v) {
		unknown = append(unknown, m.Field)
	}
	for name := range v {
		if f, ok := param.FieldNamed(name); ok && !f.ForSource(source) {
			delete(v, name) // a key of an object that another kind of backup has
			unknown = append(unknown, name)
		}
	}
	expandCombined(v)
	slices.Sort(unknown)
	return v, slices.Compact(unknown)
}

// expandCombined replaces values that stand for several controls: SpeedLimit and
// ContainerResources become their rows, if rows can hold them. It also sets the choices without
// which given values would be hidden.
func expandCombined(v templates.Values) {
	expandWindows(v)
	set := func(choice, value string, given bool) {
		if given && v[choice] == "" {
			v[choice] = value
		}
	}
	set("choice.SpeedLimit", "hours", v.Rows("SpeedLimit") > 0 || v["SpeedLimit"] != "")
	set("choice.Detail.diskIdList", "some", v["Detail.diskIdList"] != "")
	expandVolumes(v)
	set("choice.ContainerResources", "json", v["ContainerResources"] != "")
	consistent := v["Detail.appConsistent"] == "true"
	paused := consistent && (hasPauseLimit(v) || v["Detail.enableFsFreeze"] == "false")
	set("choice.Detail.appConsistent", "scripts", paused || v["Detail.preScriptPath"]+v["Detail.postScriptPath"] != "")
	set("choice.Detail.appConsistent", "writers", consistent)
	delete(v, "Detail.appConsistent")
}

// expandWindows replaces the value of SpeedLimit by its rows. A value that cannot be read stays, so
// that the page reports it.
func expandWindows(v templates.Values) {
	windows, err := param.ParseSpeedLimit(v["SpeedLimit"])
	if err != nil {
		return
	}
	for row, w := range windows {
		setWindow(v, row, w)
	}
	delete(v, "SpeedLimit")
}

// setWindow sets the controls of one row of SpeedLimit. A rate in whole MB is shown in MB, and no
// limit is a unit of its own.
func setWindow(v templates.Values, row int, w param.Window) {
	rate, unit := w.Rate, "KB"
	switch {
	case rate == 0:
		unit = templates.NoLimit
	case rate%1024 == 0:
		rate, unit = rate/1024, "MB"
	}
	v[templates.RowControl("SpeedLimit", row, "start")] = strconv.Itoa(w.Start)
	v[templates.RowControl("SpeedLimit", row, "end")] = strconv.Itoa(w.End)
	v[templates.RowControl("SpeedLimit", row, "unit")] = unit
	if rate > 0 {
		v[templates.RowControl("SpeedLimit", row, "bandwidth")] = strconv.FormatInt(rate, 10)
	}
}

// fillDefaults sets the empty controls of a page to the defaults of the policy, of the fields and
// of the form, in this order of precedence.
func fillDefaults(page templates.FormPage) {
	set := func(name, value string) {
		if page.Values[name] == "" {
			page.Values[name] = value
		}
	}
	if page.Offer.Defaults != nil {
		fillFrom(page.Values, page.Offer.Defaults)
	}
	for _, f := range param.Fields {
		// An unchecked box is a value of its own, so a boolean gets only the default "true".
		if f.ForSource(page.Source) && (f.Type != param.Boolean || f.Default == "true") {
			set(f.Name, f.Default)
		}
	}
	if len(page.Accounts) > 0 {
		set("Account", page.Accounts[0].Alias)
	}
	if regions := regionsOf(page.Accounts, page.Values["Account"]); len(regions) == 1 {
		set("Region", regions[0])
	}
	set("Retention", strconv.FormatInt(nearestAllowed(30, page.Offer.Lines), 10))
	if days, err := strconv.ParseInt(page.Values["Retention"], 10, 64); err == nil && len(page.Offer.CopyLines) > 0 {
		set("Detail.destinationRetention", strconv.FormatInt(nearestAllowed(days, page.Offer.CopyLines), 10))
	}
	set("choice.Detail.diskIdList", "all")
	set("choice.Detail.appConsistent", "crash")
	set("choice.SpeedLimit", "none")
	set("choice.ContainerResources", "rows")
}

// fillFrom sets the empty controls of v to the values of p. Rows of a field are set only if v
// has none.
func fillFrom(v templates.Values, p param.Params) {
	given := formValues(p)
	expandCombined(given)
	rows := map[string]bool{}
	for name := range given {
		field, _, _ := strings.Cut(name, ".")
		rows[field] = templates.MaxRows(field) > 0 && (v.Rows(field) > 0 || v[field] != "")
	}
	for name, value := range given {
		if field, _, _ := strings.Cut(name, "."); v[name] == "" && !rows[field] {
			v[name] = value
		}
	}
}

// regionsOf returns the regions of the account called alias; nil if it is not one of accounts.
func regionsOf(accounts []backup.Account, alias string) []string {
	i := slices.IndexFunc(accounts, func(a backup.Account) bool { return a.Alias == alias })
	if i < 0 {
		return nil
	}
	return accounts[i].Regions
}

// fitRegion sets the region of a form whose account was changed: to the only region of the
// account, or to none if the account does not have it.
func fitRegion(v templates.Values, accounts []backup.Account) {
	regions := regionsOf(accounts, v["Account"])
	switch {
	case len(regions) == 1:
		v["Region"] = regions[0]
	case !slices.Contains(regions, v["Region"]):
		v["Region"] = ""
	}
}

// nearestAllowed returns the number of days that a rule allows and that is nearest to days.
// Without rules it returns days.
func nearestAllowed(days int64, rules []policy.Line) int64 {
	best, distance := days, int64(-1)
	for _, r := range rules {
		near := min(max(days, r.Min), r.Max)
		if d := max(near-days, days-near); distance < 0 || d < distance {
			best, distance = near, d
		}
	}
	return best
}

// editOp adds or removes a row of a field, for the buttons "add:SpeedLimit" and
// "remove:SpeedLimit:1", or fills in a number of days, for the button "set:Retention:30". It
// returns the control that gets the focus, or an empty text if nothing changed.
func editOp(v templates.Values, verb, field, argument string) (focus string) {
	rows := max(v.Rows(field), 1)
	switch controls := templates.RowControls(field); {
	case verb == "set" && field == "Retention":
		v[field] = param.PlainNumber(argument)
		return field
	case controls == nil:
		return ""
	case verb == "add" && rows < templates.MaxRows(field):
		return addRow(v, field, rows)
	case verb == "remove":
		row, err := strconv.Atoi(argument)
		if err != nil || row < 0 || row >= rows {
			return ""
		}
		removeRow(v, field, row, rows)
		return templates.RowControl(field, max(0, min(row, rows-2)), controls[0])
	}
	return ""
}

// addRow adds a row with the number row. A new window starts where the previous one ends.
func addRow(v templates.Values, field string, row int) string {
	for _, control := range templates.RowControls(field) {
		v[templates.RowControl(field, row, control)] = ""
	}
	if field == "ContainerResources" {
		v[templates.RowControl(field, row, "pvPath")] = "/"
	}
	if field == "SpeedLimit" {
		if end := v[templates.RowControl(field, row-1, "end")]; end != "24" {
			v[templates.RowControl(field, row, "start")] = end
		}
		unit := v[templates.RowControl(field, row-1, "unit")]
		if unit == templates.NoLimit {
			unit = "MB"
		}
		v[templates.RowControl(field, row, "unit")] = unit
	}
	return templates.RowControl(field, row, templates.RowControls(field)[0])
}

// removeRow removes one of rows rows and renumbers the rows after it.
func removeRow(v templates.Values, field string, row, rows int) {
	for ; row < rows; row++ {
		for _, control := range templates.RowControls(field) {
			next, ok := v[templates.RowControl(field, row+1, control)]
			if row+1 < rows && ok {
				v[templates.RowControl(field, row, control)] = next
			} else {
				delete(v, templates.RowControl(field, row, control))
			}
		}
	}
}

// isPlainText reports whether value is valid UTF-8 without NUL, so that a page can contain it.
func isPlainText(value string) bool {
	return utf8.ValidString(value) && !strings.ContainsRune(value, 0)
}
