package web

import (
	"maps"
	"strconv"
	"strings"

	"backupportal/function/param"
	"backupportal/templates"
)

// formInput turns a form into what a machine would have sent, and returns the
// form without the values of controls that its choices hide. Mistakes are
// those that only a form can have: the rest is Validate's part.
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

type converter struct {
	values   templates.Values
	params   param.Params
	mistakes []param.Mistake
}

// hide drops the values of controls that are not open.
func (c *converter) hide(names ...string) {
	for _, name := range names {
		delete(c.values, name)
	}
}

// need reports a field that its choice asks for.
func (c *converter) need(name string) {
	if f, _ := param.FieldNamed(name); c.values[name] == "" {
		c.mistakes = append(c.mistakes, f.Missing())
	}
}

func (c *converter) disks() {
	switch c.values["choice.Detail.diskIdList"] {
	case "some":
		c.need("Detail.diskIdList")
	case "all":
		c.hide("Detail.diskIdList")
	}
}

// consistency turns the one question about consistency into the two parameters
// that answer it: both scripts and writers mean appConsistent.
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
		c.need(pre)
		c.need(post)
	case "writers":
		c.params["Detail.appConsistent"] = "true"
		c.hide(pre, post, freeze, timeout)
	}
}

func (c *converter) copies() {
	if c.values["Detail.doCopy"] != "true" {
		c.hide("Detail.destinationRegionId", "Detail.destinationRetention")
	}
}

// windows gathers the rows of SpeedLimit into its one value.
func (c *converter) windows() {
	rows := c.values.Rows("SpeedLimit")
	choice := c.values["choice.SpeedLimit"]
	if choice == "none" {
		c.hideRows("SpeedLimit", rows)
	}
	if rows == 0 || choice == "none" {
		if choice == "hours" {
			c.need("SpeedLimit")
		}
		return
	}
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
		// Only speeds are wrong, so the hours can be judged already.
		_, err := param.ParseSpeedLimit(whole)
		c.mistakes = append(c.mistakes, mistakes(err)...)
	}
}

// window reads one row; what is wrong with it is reported beside its control.
// It is timed if its hours could be read.
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
	if w.Rate, err = strconv.ParseInt(value("bandwidth"), 10, 32); err != nil || w.Rate < 1 {
		wrong(
			"bandwidth",
			"window_rate",
			param.Text{En: "enter the speed of window %v as a whole number", Zh: "请以整数输入第 %v 个时段的速度"},
		)
	}
	if value("unit") == "MB" {
		w.Rate *= 1024
	}
	return w, timed
}

func (c *converter) hideRows(field string, rows int) {
	for row := range rows {
		for _, control := range templates.RowControls(field) {
			c.hide(templates.RowControl(field, row, control))
		}
	}
}

// volumes gathers the rows of ContainerResources, or takes the pasted list.
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
		if v, ok := c.volume(row); ok {
			volumes = append(volumes, v)
		}
	}
	c.params[field] = param.VolumeList(volumes)
}

// volume reads one row; one that says nothing is left out. The path in the
// volume has a default, so it says nothing by itself.
func (c *converter) volume(row int) (v param.Volume, ok bool) {
	said := false
	value := func(control string) string {
		s := c.values[templates.RowControl("ContainerResources", row, control)]
		said = said || s != "" && control != "pvPath"
		return s
	}
	v = param.Volume{
		ResourceType: "PV", BackupMethod: "FILE",
		ResourceID: value("resourceId"), Host: value("host"), HostPrefix: value("hostPrefix"), PVPath: value("pvPath"),
	}.WithInfo(param.VolumeInfo{
		PVName: value("pv_name"), PVSize: value("pv_size"), StorageClass: value("storage_class"),
		PVCName: value("pvc_name"), Namespace: value("namespace"),
	})
	return v, said
}

// formValues is the other way round: the form that a request fills in. List
// fields come with one item a line.
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
