package templates

import (
	"context"
	"fmt"
	"strconv"

	"backupportal/function/param"
)

// part returns the control for the part name of a row, such as the end of a time range.
func (f form) part(ctx context.Context, field string, row int, name string) control {
	full := RowControl(field, row, name)
	c := control{
		name: full, id: ControlID(full), label: in(ctx, parts[name].label), hint: in(ctx, parts[name].hint),
		value: f.partValue(field, row, name), errors: f.errors[full],
		focus: f.Focus == full && len(f.Mistakes) == 0, mono: true, width: "w-full",
	}
	switch name {
	case "start", "end":
		first := 0
		if name == "end" {
			first = 1
		}
		c.kind, c.mono, c.width = selectBox, false, "w-hour"
		for h := first; h < first+24; h++ {
			value := strconv.Itoa(h)
			c.options = append(c.options, option{value: value, label: hour(h), on: value == c.value})
		}
	case "bandwidth":
		c.kind, c.mono, c.width = numberBox, false, "w-s"
	case "unit":
		c.kind, c.mono, c.width, c.always = selectBox, false, "w-hour", true
		for _, unit := range []string{"KB", "MB"} {
			c.options = append(c.options, option{value: unit, label: unit + "/s", on: unit == c.value})
		}
		c.options = append(c.options, option{value: NoLimit, label: in(ctx, wordUnlimited), on: c.value == NoLimit})
	case "pv_size", "storage_class":
		c.optional = true
	}
	return c
}

// isLimitText reports whether the request has a SpeedLimit that cannot be read: the form shows
// its text instead of rows, so that a person can correct it.
func (f form) isLimitText() bool {
	return f.Values["SpeedLimit"] != "" && f.Values.Rows("SpeedLimit") == 0
}

// limitText returns the control for the text of a SpeedLimit that cannot be read.
func (f form) limitText(ctx context.Context) control {
	c := f.control(ctx, "SpeedLimit")
	c.label, c.hint, c.errors = in(ctx, wordLimitText), "", f.errors["SpeedLimit"]
	return c
}

// partValue returns the value of a control in a row: from the request, or its default if the row is
// new.
func (f form) partValue(field string, row int, name string) string {
	v, typed := f.Values[RowControl(field, row, name)]
	switch {
	case typed:
		return v
	case name == "unit":
		return "MB"
	case name == "pvPath":
		return "/"
	}
	return ""
}

// A barWindow is one time window in the picture of a day that shows the speed limits.
type barWindow struct {
	param.Window
	shade string // CSS class
}

// bar returns the time windows of the picture of a day. A window that passes midnight becomes
// two. Incomplete rows are left out, and rows without a limit: an hour without a window has no
// limit.
func (f form) bar() []barWindow {
	var bar []barWindow
	limits := 0
	for row := range f.rows("SpeedLimit") {
		w, ok := f.barRow(row)
		if !ok {
			continue
		}
		limits++
		windows, _ := param.ParseSpeedLimit(w.String()) // only two equal hours are a mistake
		for _, part := range windows {
			if part.Start < part.End {
				bar = append(bar, barWindow{part, "shade-" + strconv.Itoa((limits-1)%3+1)})
			}
		}
	}
	return bar
}

// barRow returns the window of a row, or false if the row is incomplete or has no limit.
func (f form) barRow(row int) (param.Window, bool) {
	start, err1 := strconv.Atoi(f.partValue("SpeedLimit", row, "start"))
	end, err2 := strconv.Atoi(f.partValue("SpeedLimit", row, "end"))
	rate, err3 := strconv.ParseInt(f.partValue("SpeedLimit", row, "bandwidth"), 10, 32)
	unit := f.partValue("SpeedLimit", row, "unit")
	if err1 != nil || err2 != nil || err3 != nil || rate < 1 || unit == NoLimit {
		return param.Window{}, false
	}
	if unit == "MB" {
		rate *= 1024
	}
	return param.Window{Start: start, End: end, Rate: rate}, true
}

// words returns a time window of the speed limits as text.
func words(ctx context.Context, w param.Window) string {
	limit := in(ctx, wordUnlimited)
	if w.Rate > 0 {
		limit = speed(w.Rate)
	}
	return fmt.Sprintf("%s–%s · %s", hour(w.Start), hour(w.End), limit)
}

// volumesWrong reports whether there is an error about all rows of volumes together.
func (f form) volumesWrong() bool {
	return f.value("choice.ContainerResources") == "rows" && len(f.errors["ContainerResources"]) > 0
}
