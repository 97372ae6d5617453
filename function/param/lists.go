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
)

func (f Field) checkInteger(value string) []Mistake {
	n, err := strconv.ParseInt(value, 10, 64)
	written := err == nil && strconv.FormatInt(n, 10) == value // 007 would go over the wire as it is
	if !written && !errors.Is(err, strconv.ErrRange) {
		return []Mistake{f.mistake("integer", msgInteger, f.Object)}
	}
	if err != nil || n < f.Minimum || n > f.Maximum {
		return []Mistake{f.mistake("between", msgBetween, f.Object, Count(f.Minimum), Count(f.Maximum))}
	}
	return nil
}

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
		case item == "" || !matches(f.Pattern, item):
			bad = append(bad, f.mistake("line", f.lineShape(), i+1))
		case first < i:
			bad = append(bad, f.mistake("line_again", msgLineAgain, i+1, first+1))
		}
	}
	return append(bad, f.checkLength(value)...)
}

// lineShape is the sentence for a line that is not what f wants.
func (f Field) lineShape() Text {
	if f.Shape != (Text{}) {
		return f.Shape
	}
	return Text{"line %v must not be empty", "第 %v 行不能为空"}
}

func parseStrings(value string) ([]string, error) {
	if value == "" {
		return nil, nil
	}
	var items []string
	err := json.Unmarshal([]byte(value), &items)
	return items, err
}

// A Volume is one element of ContainerResources, as the operation's API page
// gives its keys. ResourceInfo is text that holds a JSON object again.
type Volume struct {
	ResourceType string `json:"resourceType,omitempty"`
	BackupMethod string `json:"backupMethod,omitempty"`
	ResourceID   string `json:"resourceId,omitempty"`
	ResourceInfo string `json:"resourceInfo,omitempty"`
	Host         string `json:"host,omitempty"`
	HostPrefix   string `json:"hostPrefix,omitempty"`
	PVPath       string `json:"pvPath,omitempty"`
}

// A VolumeInfo is what the ResourceInfo of a [Volume] holds.
type VolumeInfo struct {
	PVName       string `json:"pv_name,omitempty"`
	PVSize       string `json:"pv_size,omitempty"`
	StorageClass string `json:"storage_class,omitempty"`
	PVCName      string `json:"pvc_name,omitempty"`
	Namespace    string `json:"namespace,omitempty"`
}

// VolumeList is the value of ContainerResources that has these volumes.
func VolumeList(volumes []Volume) string {
	if len(volumes) == 0 {
		return ""
	}
	return jsontext.Must(volumes)
}

// WithInfo returns v with info as its ResourceInfo.
func (v Volume) WithInfo(info VolumeInfo) Volume {
	if info != (VolumeInfo{}) {
		v.ResourceInfo = jsontext.Must(info)
	}
	return v
}

// Info reads the ResourceInfo of v; what is not there stays empty.
func (v Volume) Info() (info VolumeInfo) {
	_ = json.Unmarshal([]byte(v.ResourceInfo), &info) // checked by Validate
	return info
}

// Volumes returns what ContainerResources names; none if it is malformed.
func (p Params) Volumes() (volumes []Volume) {
	_ = json.Unmarshal([]byte(p["ContainerResources"]), &volumes)
	return volumes
}

// CompactJSON removes the blanks of a JSON text, and reports one that is none.
func CompactJSON(text string) (string, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		return "", err
	}
	return b.String(), nil
}

func (f Field) checkObjects(value string) []Mistake {
	wrong := func(why Text) []Mistake { return []Mistake{f.mistake("type", msgObjects, why)} }
	repeated, err := scanJSON([]byte(value))
	if malformed, ok := errors.AsType[*MalformedError](err); ok {
		return wrong(malformed.Problem)
	}
	if len(repeated) > 0 {
		return []Mistake{f.mistake("twice", msgTwice, repeated[0])}
	}
	var items []json.RawMessage
	if err := json.Unmarshal([]byte(value), &items); err != nil {
		return wrong(Text{"this is no list", "这不是列表"})
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

// checkVolume judges one element of ContainerResources. Keys that are not
// documented are left to the service, but whatever there is must be text.
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

// holdsObject reports whether raw is a JSON text with a JSON object in it.
func holdsObject(raw json.RawMessage) bool {
	var text string
	var object map[string]any
	return json.Unmarshal(raw, &text) == nil && json.Unmarshal([]byte(text), &object) == nil && object != nil
}
