package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"backupportal/function/param"
	"backupportal/templates"
)

// maxControls limits the number of names in a posted form. All rows of a form are at most 1,896
// of them.
const maxControls = 2000

// choices are controls that only show and hide others, or represent several parameters. Their
// values are not sent to the cloud.
var choices = []string{
	"choice.Detail.diskIdList",
	"choice.Detail.appConsistent",
	"choice.SpeedLimit",
	"choice.ContainerResources",
}

// readForm returns the values of a posted form, without surrounding blanks. Each name must be a
// control of the form and occur once. A value that represents several controls, such as the
// JSON of Detail, is replaced by their values ([expandText]). Errors: errType, errRequest,
// errControls, and [param.InvalidError] with unknown and repeated names and the mistakes in the
// JSON of Detail and Options.
func readForm(r *http.Request) (templates.Values, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, errType
	}
	if err := r.ParseForm(); err != nil {
		return nil, fmt.Errorf("%w: %w", errRequest, err)
	}
	return readValues(r.PostForm)
}

// readValues does the work of readForm for the names and values of a form.
func readValues(form url.Values) (templates.Values, error) {
	if len(form) > maxControls {
		return nil, errControls
	}
	var bad param.InvalidError
	for name, values := range form {
		switch {
		case !isControl(name) && !isOwn(name):
			bad = append(bad, param.UnknownField(name))
		case len(values) > 1:
			bad = append(bad, param.RepeatedField(name))
		case !isPlainText(values[0]):
			return nil, errRequest
		}
	}
	if bad != nil {
		slices.SortFunc(bad, func(a, b param.Mistake) int { return strings.Compare(a.Field, b.Field) })
		return nil, bad
	}
	v, bad := posted(form)
	if bad != nil {
		return nil, bad
	}
	return v, nil
}

// expandText replaces those values of v that represent several controls: the JSON of Detail and
// Options, as the API takes them, and the whole value of SpeedLimit. It returns the mistakes in
// the JSON. If the form also has the control itself, its value is used.
func expandText(v templates.Values) param.InvalidError {
	var bad param.InvalidError
	for _, object := range param.ObjectNames() {
		text := v[object]
		delete(v, object)
		p, err := param.DecodeObject(object, text)
		if mistakes, ok := errors.AsType[param.InvalidError](err); ok {
			bad = append(bad, mistakes...)
		}
		for name, value := range formValues(p) {
			switch {
			case !isPlainText(value):
				bad = append(bad, param.Mistake{Field: name, Code: "pattern", Text: msgNotPlain, Args: []any{name}})
			case v[name] == "":
				v[name] = value
			}
		}
	}
	if v.Rows("SpeedLimit") == 0 {
		expandWindows(v)
	}
	return bad
}

// posted returns the values of the controls in form, and skips unknown and repeated names. The
// mistakes are the mistakes that [expandText] returns.
func posted(form url.Values) (templates.Values, param.InvalidError) {
	v := templates.Values{}
	for name, values := range form {
		if isControl(name) && len(values) == 1 {
			v[name] = tidy(name, values[0])
		}
	}
	mergeFound(v)
	mergeBoxes(v)
	if chosen := chosenReceivers(form); chosen != nil {
		v["Notify"] = strings.Join(chosen, "\n")
	}
	maps.DeleteFunc(v, func(name, _ string) bool { return isReceiverBox(name) })
	return v, expandText(v)
}

var msgNotPlain = param.Text{En: "%v contains a character that a form cannot contain", Zh: "%v 含有表单不能包含的字符"}

// isControl reports whether name is a parameter, the targets of a batch, an object of parameters, a choice, or a control in a
// row.
func isControl(name string) bool {
	if field, ok := strings.CutPrefix(name, templates.FindPrefix); ok {
		_, ok = pickers[field]
		return ok
	}
	if _, ok := param.FieldNamed(name); ok || name == targetsName || isBox(name) || isReceiverBox(name) || slices.Contains(choices, name) || slices.Contains(param.ObjectNames(), name) {
		return true
	}
	field, rest, _ := strings.Cut(name, ".")
	number, control, _ := strings.Cut(rest, ".")
	row, err := strconv.Atoi(number)
	// The limit is checked first, because a page renders all rows up to the highest number.
	return err == nil && row >= 0 && row < templates.MaxRows(field) && strconv.Itoa(row) == number &&
		slices.Contains(templates.RowControls(field), control)
}

// tidy removes what people type additionally: blanks around a value, and thousands separators
// in a number. A list may also be the JSON text that the API takes.
func tidy(name, value string) string {
	f, isField := param.FieldNamed(name)
	value = strings.TrimSpace(value)
	switch {
	case isField && f.Type == param.Strings:
		items := jsonItems(value, f.Pattern != "")
		if items == nil {
			items = lines(value)
		}
		return strings.Join(items, "\n")
	case isField && f.Type == param.Integer, isRowNumber(name):
		return param.PlainNumber(value)
	case isField && f.Type == param.Boolean:
		return param.PlainBoolean(value)
	case isField && f.Numeral:
		return width.Narrow.String(value)
	}
	return value
}

// isRowNumber reports whether name is a control in a row that holds a number.
func isRowNumber(name string) bool {
	_, row, _ := strings.Cut(name, "SpeedLimit.")
	_, control, _ := strings.Cut(row, ".")
	return control == "start" || control == "end" || control == "bandwidth"
}

// jsonItems returns the items of a JSON list of strings. It returns nil for any other text, and
// for a list with an item that does not fit on one line. Ids lose surrounding blanks first.
func jsonItems(text string, ids bool) []string {
	if !strings.HasPrefix(text, "[") {
		return nil
	}
	var items []string
	if json.Unmarshal([]byte(text), &items) != nil {
		return nil
	}
	for i, item := range items {
		if ids {
			item = strings.TrimSpace(item)
			items[i] = item
		}
		if item == "" || strings.TrimSpace(item) != item || strings.ContainsFunc(item, unicode.IsControl) {
			return nil
		}
	}
	return items
}

// lines returns the non-empty lines of a text without surrounding blanks.
func lines(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// hidden returns the hidden inputs that repeat a form and its key, in the order of the fields. The chosen receivers are
// left out: the check page has boxes for them.
func hidden(v templates.Values, key string) []templates.Hidden {
	var out []templates.Hidden
	add := func(name string) {
		if value := v[name]; value != "" {
			out = append(out, templates.Hidden{Name: name, Value: value})
		}
	}
	for _, f := range param.Fields {
		if f.Name == "Notify" {
			continue
		}
		add("choice." + f.Name)
		add(f.Name)
		for row := range v.Rows(f.Name) {
			for _, control := range templates.RowControls(f.Name) {
				add(templates.RowControl(f.Name, row, control))
			}
		}
	}
	return append(out, templates.Hidden{Name: "key", Value: key})
}
