package aliyun

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"backupportal/function/backup"
)

// given is a name with the submission's ID behind it; the first group is what
// the person gave.
var given = regexp.MustCompile(`\A(.*)-[a-z2-7]{26}(-[0-9]+)?\z`)

// submissionJSON writes complete parameters as somebody would send them to the
// portal's API: without what follows from the account alias, without values
// that are the default, and with the name that the person gave. Reading it
// back and adding the defaults gives the same call.
func submissionJSON(complete backup.Params) string {
	type member struct{ name, value string }
	var top []member
	objects := map[string][]string{}
	for _, f := range backup.Fields {
		value := complete[f.Name]
		if f.Name == "JobName" {
			value = labelOf(value)
		}
		if value == "" || f.Assigned || value == f.Default && f.Name != "SourceType" {
			continue
		}
		object, key, nested := strings.Cut(f.Name, ".")
		if !nested {
			top = append(top, member{f.Name, valueJSON(f, value)})
			continue
		}
		if objects[object] == nil {
			top = append(top, member{name: object})
		}
		objects[object] = append(objects[object], textJSON(key)+":"+valueJSON(f, value))
	}
	members := make([]string, len(top))
	for i, m := range top {
		if keys := objects[m.name]; keys != nil {
			m.value = "{" + strings.Join(keys, ",") + "}"
		}
		members[i] = textJSON(m.name) + ":" + m.value
	}
	return indent("{" + strings.Join(members, ",") + "}")
}

// labelOf is the label in a job's name; "" for the one that stands for none.
func labelOf(name string) string {
	if m := given.FindStringSubmatch(name); m != nil {
		name = m[1]
	}
	if name == "portal" {
		return ""
	}
	return name
}

// valueJSON writes a value in the JSON type of its field. A value that is not
// of that type stays text.
func valueJSON(f backup.Field, value string) string {
	switch f.Type {
	case backup.Integer:
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			return strconv.FormatInt(n, 10)
		}
	case backup.Boolean, backup.Strings, backup.Objects:
		if json.Valid([]byte(value)) {
			return value
		}
	}
	return textJSON(value)
}

// textJSON writes s as JSON, with the characters that HTML minds as they are.
func textJSON(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic("aliyun: " + err.Error()) // a string always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// indent breaks a JSON text into lines.
func indent(compact string) string {
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(compact), "", "  "); err != nil {
		return compact
	}
	return b.String()
}
