package param

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"backupportal/function/jsontext"
	"backupportal/function/pattern"
)

// checkInteger checks the form and the bounds of an Integer. Only decimal digits without
// leading zeros have a valid form, because the text is sent as it is: "007" fails. A number
// such as 1e400, which is too long to be written in this form, is reported as out of bounds.
func (f Field) checkInteger(value string) []Mistake {
	n, err := strconv.ParseInt(value, 10, 64)
	canonical := err == nil && strconv.FormatInt(n, 10) == value
	if !canonical && !errors.Is(err, strconv.ErrRange) && !isHuge(value) {
		return []Mistake{f.mistake("integer", msgInteger, f.Object)}
	}
	if err != nil || n < f.Minimum || n > f.Maximum {
		return []Mistake{f.mistake("between", msgBetween, f.Object, Count(f.Minimum), Count(f.Maximum))}
	}
	return nil
}

// checkStrings checks each item of a list of strings, then the length of the list. Items must
// be different and not empty, match the pattern of f, and have no control characters.
func (f Field) checkStrings(value string) []Mistake {
	items, err := parseStrings(value)
	if err != nil {
		return []Mistake{f.mistake("type", msgType, f.Object, typeName(Strings), typeName(String))}
	}
	var bad []Mistake
	if f.MaxItems > 0 && len(items) > f.MaxItems {
		bad = append(bad, f.mistake("lines", msgLines, f.Label, Count(f.MaxItems)))
	}
	firsts := make(map[string]int, len(items))
	for i, item := range items {
		if _, again := firsts[item]; !again {
			firsts[item] = i
		}
		switch first := firsts[item]; {
		case strings.ContainsFunc(item, unicode.IsControl):
			bad = append(bad, f.mistake("line", msgControl, i+1))
		case item == "" || f.Pattern != "" && !pattern.Match(f.Pattern, item):
			bad = append(bad, f.mistake("line", f.lineShape(), i+1))
		case first < i:
			bad = append(bad, f.mistake("line_again", msgLineAgain, i+1, first+1))
		}
	}
	return append(bad, f.checkLength(value)...)
}

// lineShape returns the message for an item that is empty or does not match f.Pattern. The
// form shows a list as lines, so the message calls an item a line.
func (f Field) lineShape() Text {
	if f.Shape != (Text{}) {
		return f.Shape
	}
	return Text{"line %v must not be empty", "第 %v 行不能为空"}
}

// parseStrings decodes a JSON list of strings. An empty text is an empty list.
func parseStrings(value string) ([]string, error) {
	if value == "" {
		return nil, nil
	}
	var items []string
	err := json.Unmarshal([]byte(value), &items)
	return items, err
}

// A Volume is one element of ContainerResources (API page of CreateBackupJob). An empty member
// is left out of its JSON. ResourceInfo is a string that contains a JSON object: see
// [VolumeInfo].
type Volume struct {
	ResourceType string `json:"resourceType,omitempty"`
	BackupMethod string `json:"backupMethod,omitempty"`
	ResourceID   string `json:"resourceId,omitempty"`
	ResourceInfo string `json:"resourceInfo,omitempty"`
	Host         string `json:"host,omitempty"`
	HostPrefix   string `json:"hostPrefix,omitempty"`
	PVPath       string `json:"pvPath,omitempty"`
}

// A VolumeInfo is the JSON object inside the string ResourceInfo of a [Volume]. An empty member
// is left out of the JSON.
type VolumeInfo struct {
	PVName       string `json:"pv_name,omitempty"`
	PVSize       string `json:"pv_size,omitempty"`
	StorageClass string `json:"storage_class,omitempty"`
	PVCName      string `json:"pvc_name,omitempty"`
	Namespace    string `json:"namespace,omitempty"`
}

// VolumeList returns the text that [Params] holds for ContainerResources: a compact JSON
// list, or "" for no volumes.
func VolumeList(volumes []Volume) string {
	if len(volumes) == 0 {
		return ""
	}
	return jsontext.Must(volumes)
}

// WithInfo returns a copy of v with info as its ResourceInfo. A zero info leaves
// ResourceInfo as it is.
func (v Volume) WithInfo(info VolumeInfo) Volume {
	if info != (VolumeInfo{}) {
		v.ResourceInfo = jsontext.Must(info)
	}
	return v
}

// Info decodes the ResourceInfo of v. A missing member becomes empty. If the text is not a JSON
// object, all members are empty.
func (v Volume) Info() (info VolumeInfo) {
	_ = json.Unmarshal([]byte(v.ResourceInfo), &info) // checked by Validate
	return info
}

// Volumes decodes ContainerResources. It returns nil if the parameter is not given. A malformed
// value may give only a part of the list, but such a value does not pass [Params.Validate].
func (p Params) Volumes() (volumes []Volume) {
	_ = json.Unmarshal([]byte(p["ContainerResources"]), &volumes)
	return volumes
}

// CompactJSON removes insignificant white space and a byte order mark from a JSON text. The
// error is that of [json.Compact] if text is not one valid JSON value.
func CompactJSON(text string) (string, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, jsontext.TrimMark([]byte(text))); err != nil {
		return "", err
	}
	return b.String(), nil
}

// checkObjects checks ContainerResources: a JSON list of at least one object, in which no
// key is repeated.
func (f Field) checkObjects(value string) []Mistake {
	wrong := func(why Text) []Mistake { return []Mistake{f.mistake("type", msgObjects, why)} }
	repeated, err := scanJSON([]byte(value))
	if malformed, ok := errors.AsType[*MalformedError](err); ok {
		return wrong(malformed.Problem)
	}
	if len(repeated) > 0 {
		return []Mistake{f.mistake(codeTwice, msgTwice, repeated[0])}
	}
	var items []json.RawMessage
	if err := json.Unmarshal([]byte(value), &items); err != nil {
		return wrong(Text{"not a list", "不是列表"})
	}
	if len(items) == 0 {
		return []Mistake{f.Missing()}
	}
	var bad []Mistake
	for i, item := range items {
		bad = append(bad, f.checkVolume(item, i+1)...)
	}
	return bad
}

// checkVolume checks one element of ContainerResources. number is its position, counted from 1,
// for the sentence. Every value must be a string. Unknown keys pass, because the service may
// accept more keys than its API page lists.
func (f Field) checkVolume(item json.RawMessage, number int) []Mistake {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(item, &object); err != nil || len(object) == 0 {
		return []Mistake{f.mistake("type", msgVolume, number)}
	}
	var bad []Mistake
	for _, key := range slices.Sorted(maps.Keys(object)) {
		switch {
		case key == "resourceInfo" && !holdsObject(object[key]):
			bad = append(bad, f.mistake("resource_info", msgInfo, number))
		case object[key][0] != '"':
			bad = append(bad, f.mistake("type", msgVolumeKey, key, number))
		}
	}
	return bad
}

// holdsObject reports whether raw is a JSON string whose text is a JSON object.
func holdsObject(raw json.RawMessage) bool {
	var text string
	var object map[string]any
	return json.Unmarshal(raw, &text) == nil && json.Unmarshal([]byte(text), &object) == nil && object != nil
}
