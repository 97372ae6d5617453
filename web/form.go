package web

import (
	"cmp"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"backupportal/function/param"
	"backupportal/templates"
)

// maxControls limits the number of names in a posted form.
const maxControls = 100

// choices are the controls that show and hide others, or stand for several parameters. They are not
// sent to the cloud.
var choices = []string{
	"choice.Detail.diskIdList",
	"choice.Detail.appConsistent",
	"choice.SpeedLimit",
	"choice.ContainerResources",
}

// readForm returns the values of a posted form, without surrounding blanks. Each name must be a
// control of the form and occur once. Errors: errType, errRequest, and [param.InvalidError] with
// the unknown and repeated names.
func readForm(r *http.Request) (templates.Values, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, errType
	}
	if err := r.ParseForm(); err != nil {
		return nil, fmt.Errorf("%w: %w", errRequest, err)
	}
	if len(r.PostForm) > maxControls {
		return nil, fmt.Errorf("%w: %d controls", errRequest, len(r.PostForm))
	}
	var bad param.InvalidError
	for name, values := range r.PostForm {
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
	return posted(r), nil
}

// posted returns the values of the form's controls in r, and skips unknown and repeated names.
func posted(r *http.Request) templates.Values {
	v := templates.Values{}
	for name, values := range r.PostForm {
		if isControl(name) && len(values) == 1 {
			v[name] = tidy(name, values[0])
		}
	}
	return v
}

// isOwn reports whether name is a hidden input that controls the form itself: the button, the page
// and the key.
func isOwn(name string) bool { return name == "op" || name == "at" || name == "key" }

// isControl reports whether name is a parameter, a choice, or a control in a row.
func isControl(name string) bool {
	if _, ok := param.FieldNamed(name); ok || slices.Contains(choices, name) {
		return true
	}
	field, rest, _ := strings.Cut(name, ".")
	number, control, _ := strings.Cut(rest, ".")
	row, err := strconv.Atoi(number)
	// The limit is checked first, because a page draws all rows up to the highest number.
	return err == nil && row >= 0 && row < templates.MaxRows(field) && strconv.Itoa(row) == number &&
		slices.Contains(templates.RowControls(field), control)
}

// tidy removes blanks, and thousands separators in numbers, that people type around or in a value.
func tidy(name, value string) string {
	f, isField := param.FieldNamed(name)
	switch {
	case isField && f.Type == param.Strings:
		return strings.Join(lines(value), "\n")
	case isField && f.Type == param.Integer, strings.HasSuffix(name, ".bandwidth"):
		return plainNumber(strings.TrimSpace(value))
	}
	return strings.TrimSpace(value)
}

// plainNumber removes commas and leading zeros from a number such as 1,000 or 030. Other texts stay
// unchanged.
func plainNumber(s string) string {
	digits := strings.ReplaceAll(s, ",", "")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return s
	}
	return cmp.Or(strings.TrimLeft(digits, "0"), "0")
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

// hidden returns the hidden inputs that repeat a form and its key, in the order of the fields.
func hidden(v templates.Values, key string) []templates.Hidden {
	var out []templates.Hidden
	add := func(name string) {
		if value := v[name]; value != "" {
			out = append(out, templates.Hidden{Name: name, Value: value})
		}
	}
	for _, f := range param.Fields {
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
