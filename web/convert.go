package web

import (
	"maps"
	"strconv"
	"strings"

	"backupportal/function/param"
	"backupportal/templates"
)

// formInput converts the values of a form to the parameters that a program would have sent. It
// also returns the form without values of hidden controls, and mistakes that only a form can
// have, such as an incomplete row. All other checks are in [param.Params.Validate].
func formInput(v templates.Values) (param.Params, templates.Values, []param.Mistake) {
	c := converter{values: maps.Clone(v), params: param.Params{}}
	c.disks()
	c.consistency()
	c.copies()
	c.windows()
	c.volumes()
	for name, value := range c.values {
		f, ok := param.FieldNamed(name)
		switch {
		case !ok || c.params[name] != "" || value == "":
		case f.Type == param.Strings:
			c.params[name] = param.StringList(lines(value))
		default:
			c.params[name] = value
		}
	}
	return c.params, c.values, c.mistakes
}

// A converter holds what formInput has converted so far of a form.
type converter struct {
	values   templates.Values // values of controls; values of hidden controls are removed
	params   param.Params     // the result
	mistakes []param.Mistake
}

// hide removes the values of controls that are not shown.
func (c *converter) hide(names ...string) {
	for _, name := range names {
		delete(c.values, name)
	}
}

// require adds a mistake if the control called name is empty.
func (c *converter) require(name string) {
	if f, _ := param.FieldNamed(name); c.values[name] == "" {
		c.mistakes = append(c.mistakes, f.Missing())
	}
}

// disks converts the choice "all disks" or "some disks" to the list of disks.
func (c *converter) disks() {
	switch c.values["choice.Detail.diskIdList"] {
	case "some":
		c.require("Detail.diskIdList")
	case "all":
		c.hide("Detail.diskIdList")
	}
}

// consistency converts the selected consistency to parameters. Both ways to pause applications,
// with scripts and without, mean Detail.appConsistent.
func (c *converter) consistency() {
	const (
		pre     = "Detail.preScriptPath"
		post    = "Detail.postScriptPath"
		freeze  = "Detail.enableFsFreeze"
		timeout = "Detail.timeoutInSeconds"
		writers = "Detail.enableWriters"
	)
	switch c.values["choice.Detail.appConsistent"] {
	case "crash":
		c.hide(pre, post, freeze, timeout, writers, "Detail.appConsistent")
	case "scripts":
		c.params["Detail.appConsistent"] = "true"
		c.hide(writers)
		// The API also accepts a pause without scripts: a program can request it with another
		// time limit, and Run again repeats it.
		if c.values[pre]+c.values[post] != "" || !hasPauseLimit(c.values) {
			c.require(pre)
			c.require(post)
		}
	case "writers":
		c.params["Detail.appConsistent"] = "true"
		c.hide(pre, post, freeze, timeout)
	}
}

// hasPauseLimit reports whether the form has a time limit for the pause of applications that
// differs from the default.
func hasPauseLimit(v templates.Values) bool {
	timeout, _ := param.FieldNamed("Detail.timeoutInSeconds")
	given := v["Detail.timeoutInSeconds"]
	return given != "" && given != timeout.Default
}

// copies removes the settings of the copy if no copy was requested.
func (c *converter) copies() {
	if c.values["Detail.doCopy"] != "true" {
		c.hide("Detail.destinationRegionId", "Detail.destinationRetention")
	}
}

// windows converts the rows of the form's speed limits to the one value of SpeedLimit.
func (c *converter) windows() {
	rows := c.values.Rows("SpeedLimit")
	choice := c.values["choice.SpeedLimit"]
	if choice == "none" {
		c.hideRows("SpeedLimit", rows)
		c.hide("SpeedLimit")
	}
	if rows == 0 || choice == "none" {
		if choice == "hours" {
			c.require("SpeedLimit")
		}
		return
	}
	c.hide("SpeedLimit") // the rows are used and the text is not
	windows := make([]param.Window, rows)
	before, timed := len(c.mistakes), true
	for row := range rows {
		ok := false
		windows[row], ok = c.window(row)
		timed = timed && ok
	}
	switch whole := param.SpeedLimit(windows); {
	case len(c.mistakes) == before:
		c.params["SpeedLimit"] = whole
	case timed:
		// Only speeds are wrong, so overlapping hours can be reported now too.
		_, err := param.ParseSpeedLimit(whole)
		c.mistakes = append(c.mistakes, mistakes(err)...)
	}
}

// window reads one row of SpeedLimit: hours and a rate. If it ends before it starts, it passes
// midnight. Mistakes are added to the row's controls. timed is true if both hours are valid.
func (c *converter) window(row int) (w param.Window, timed bool) {
	timed = true
	value := func(control string) string { return c.values[templates.RowControl("SpeedLimit", row, control)] }
	wrong := func(control, code string, text param.Text) {
		c.mistakes = append(c.mistakes, param.Mistake{
			Field: "SpeedLimit",
			Part:  templates.RowControl("SpeedLimit", row, control),
			Code:  code,
			Text:  text,
			Args:  []any{row + 1},
		})
	}
	var err error
	if w.Start, err = strconv.Atoi(value("start")); err != nil || w.Start < 0 || w.Start > 23 {
		timed = false
		wrong("start", "window_start", param.Text{En: "select the start hour of window %v", Zh: "请选择第 %v 个时段的开始时间"})
	}
	if w.End, err = strconv.Atoi(value("end")); err != nil || w.End < 1 || w.End > 24 {
		timed = false
		wrong("end", "window_end", param.Text{En: "select the end hour of window %v", Zh: "请选择第 %v 个时段的结束时间"})
	}
	if value("unit") == templates.NoLimit {
		return w, timed
	}
	if w.Rate, err = strconv.ParseInt(value("bandwidth"), 10, 32); err != nil || w.Rate < 1 {
		wrong(
			"bandwidth",
			"window_rate",
			param.Text{
				En: "enter the speed of window %v as a whole number, or select no limit",
				Zh: "请以整数输入第 %v 个时段的速度，或选择不限速",
			},
		)
	}
	if value("unit") == "MB" {
		w.Rate *= 1024
	}
	return w, timed
}

// hideRows removes the values of all rows of a field.
func (c *converter) hideRows(field string, rows int) {
	for row := range rows {
		for _, control := range templates.RowControls(field) {
			c.hide(templates.RowControl(field, row, control))
		}
	}
}

// volumes converts the rows of ContainerResources, or the pasted JSON, to its one value.
func (c *converter) volumes() {
	const field = "ContainerResources"
	rows := c.values.Rows(field)
	choice := c.values["choice.ContainerResources"]
	if choice == "json" || c.values[field] != "" && choice != "rows" {
		c.hideRows(field, rows)
		if compact, err := param.CompactJSON(c.values[field]); err == nil {
			c.params[field] = compact
		}
		return
	}
	c.hide(field)
	var volumes []param.Volume
	for row := range rows {
		v, ok := c.volume(row)
		if !ok {
			continue
		}
		volumes = append(volumes, v)
		if v.ResourceID == "" {
			c.mistakes = append(c.mistakes, param.Mistake{
				Field: field, Part: templates.RowControl(field, row, "resourceId"), Code: "required", Text: msgNoVolumeID, Args: []any{row + 1},
			})
		}
	}
	c.params[field] = param.VolumeList(volumes)
}

// msgNoVolumeID is the mistake for a volume without an id; it names the column and the row.
// Cloud Backup refuses such a volume, and kubectl does not print the id.
var msgNoVolumeID = param.Text{
	En: "enter the Volume ID of volume %v: read the output of kubectl, or copy it from the cluster's volumes in Cloud Backup",
	Zh: "请输入第 %v 个存储卷的“存储卷 ID”：可读取 kubectl 的输出，或从云备份中该集群的存储卷列表复制",
}

// volume reads one row of the volumes. ok is false for an empty row. pvPath is filled in by
// default, so a row with only that counts as empty.
func (c *converter) volume(row int) (v param.Volume, ok bool) {
	filled := false
	value := func(control string) string {
		s := c.values[templates.RowControl("ContainerResources", row, control)]
		filled = filled || s != "" && control != "pvPath"
		return s
	}
	v = param.Volume{
		ResourceType: "PV", BackupMethod: "FILE",
		ResourceID: value("resourceId"), Host: value("host"), HostPrefix: value("hostPrefix"), PVPath: value("pvPath"),
	}.WithInfo(param.VolumeInfo{
		PVName: value("pv_name"), PVSize: value("pv_size"), StorageClass: value("storage_class"),
		PVCName: value("pvc_name"), Namespace: value("namespace"),
	})
	return v, filled
}

// formValues is the inverse of formInput: it returns the values of a form for p. Lists have one
// item per line.
func formValues(p param.Params) templates.Values {
	v := templates.Values{}
	for name, value := range p {
		if f, ok := param.FieldNamed(name); ok && f.Type == param.Strings {
			value = strings.Join(p.Strings(name), "\n")
		}
		v[name] = value
	}
	return v
}
