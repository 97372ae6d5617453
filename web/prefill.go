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

// prefilled fills the form for source from a link's query: any field by its
// name, lists with one item a line, and any control by its own. Names that
// mean nothing on this form are handed back. Nothing is judged before somebody
// presses Continue.
func prefilled(source param.SourceType, query url.Values) (v templates.Values, strange []string) {
	v = templates.Values{}
	for name := range query {
		field, isField := param.FieldNamed(name)
		switch {
		case name == "from":
		case !isControl(name), isField && (field.Assigned || !field.ForSource(source)), !readable(query.Get(name)):
			strange = append(strange, name)
		default:
			v[name] = tidy(name, query.Get(name))
		}
	}
	slices.Sort(strange)
	delete(v, "SourceType")
	spread(v)
	return v, strange
}

// spread opens what stands for several controls: a SpeedLimit into its rows,
// and the choices that would hide what was given.
func spread(v templates.Values) {
	if windows, err := param.ParseSpeedLimit(v["SpeedLimit"]); err == nil && len(windows) <= templates.MaxRows("SpeedLimit") {
		for row, w := range windows {
			setWindow(v, row, w)
		}
	}
	delete(v, "SpeedLimit")
	set := func(choice, value string, given bool) {
		if given && v[choice] == "" {
			v[choice] = value
		}
	}
	set("choice.SpeedLimit", "hours", v.Rows("SpeedLimit") > 0)
	set("choice.Detail.diskIdList", "some", v["Detail.diskIdList"] != "")
	set("choice.ContainerResources", "json", v["ContainerResources"] != "")
	consistent := v["Detail.appConsistent"] == "true"
	set("choice.Detail.appConsistent", "scripts", v["Detail.preScriptPath"]+v["Detail.postScriptPath"] != "")
	set("choice.Detail.appConsistent", "writers", consistent)
	delete(v, "Detail.appConsistent")
}

func setWindow(v templates.Values, row int, w param.Window) {
	rate, unit := w.Rate, "KB"
	if rate >= 1024 && rate%1024 == 0 {
		rate, unit = rate/1024, "MB"
	}
	v[templates.RowControl("SpeedLimit", row, "start")] = strconv.Itoa(w.Start)
	v[templates.RowControl("SpeedLimit", row, "end")] = strconv.Itoa(w.End)
	v[templates.RowControl("SpeedLimit", row, "unit")] = unit
	if rate > 0 {
		v[templates.RowControl("SpeedLimit", row, "bandwidth")] = strconv.FormatInt(rate, 10)
	}
}

// withDefaults adds to the values of a page what an empty form shows.
func withDefaults(page templates.FormPage) {
	set := func(name, value string) {
		if page.Values[name] == "" {
			page.Values[name] = value
		}
	}
	if page.Offer.Defaults != nil {
		given := formValues(page.Offer.Defaults)
		spread(given)
		for name, value := range given {
			set(name, value)
		}
	}
	for _, f := range param.Fields {
		// A box that is not ticked is a value of its own, so only controls that
		// always have one get their default.
		if f.ForSource(page.Source) && (f.Type != param.Boolean || f.Default == "true") {
			set(f.Name, f.Default)
		}
	}
	if len(page.Accounts) > 0 {
		set("Account", page.Accounts[0].Alias)
	}
	if regions := regionsOf(page.Accounts); len(regions) == 1 {
		set("Region", regions[0])
	}
	set("Retention", strconv.FormatInt(nearest(30, page.Offer.Lines), 10))
	set("choice.Detail.diskIdList", "all")
	set("choice.Detail.appConsistent", "crash")
	set("choice.SpeedLimit", "none")
	set("choice.ContainerResources", "rows")
}

func regionsOf(accounts []backup.Account) []string {
	var all []string
	for _, a := range accounts {
		all = append(all, a.Regions...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// nearest is the number of days closest to days that some rule allows.
func nearest(days int64, rules []policy.Line) int64 {
	best, distance := days, int64(-1)
	for _, r := range rules {
		near := min(max(days, r.Min), r.Max)
		if d := max(near-days, days-near); distance < 0 || d < distance {
			best, distance = near, d
		}
	}
	return best
}

// rowOp changes the number of rows of a field: "add:SpeedLimit" or
// "remove:SpeedLimit:1". It returns the control that gets the focus.
func rowOp(v templates.Values, verb, field, argument string) (focus string) {
	rows := max(v.Rows(field), 1)
	switch controls := templates.RowControls(field); {
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

// addRow starts a row; a new window begins where the last one ends.
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
		v[templates.RowControl(field, row, "unit")] = v[templates.RowControl(field, row-1, "unit")]
	}
	return templates.RowControl(field, row, templates.RowControls(field)[0])
}

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

// readable reports whether a value may stand in a page as it is.
func readable(value string) bool { return utf8.ValidString(value) && !strings.ContainsRune(value, 0) }
