// Package terraform reads the instances that a Terraform plan changes or destroys.
//
// The plan is the output of “terraform show -json FILE”, format version 1; OpenTofu writes the
// same format. [Read] uses the changes of resources, in all modules, whose actions include update
// or delete; a replacement includes delete. The type of the resource decides which attribute, in
// the state before the change, has the id of the instance:
//
//	type of the resource                      attribute
//	alicloud_instance                         id
//	alicloud_ecs_…, and their older names     instance_id, instance_ids
//	a disk without instance_id                instance_id of an attachment of this disk, in the state or in a change
//
// Source: “JSON Output Format” of the Terraform documentation, “Plan Representation”.
package terraform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"backupportal/function/jsontext"
	"backupportal/function/param"
)

// MaxSize is the largest plan that [Read] accepts, in bytes.
const MaxSize = 4 << 20

// maxDepth limits the nesting of modules.
const maxDepth = 64

// An Instance is an ECS instance that a plan changes or destroys.
type Instance struct {
	ID        string
	Region    string   // from the instance's zone, or from the provider's configuration; empty if the plan has neither
	Addresses []string // addresses of the changed resources, such as module.web.alicloud_instance.a[0]; sorted
	Destroyed bool     // the plan destroys or replaces the instance itself, not only a disk or an attachment
}

// A Plan is the result of [Read]: the instances that a Terraform plan changes or destroys.
type Plan struct {
	Instances []Instance // sorted by ID
	Changes   int        // resources of any type that the plan updates or destroys
}

// A SyntaxError says why a plan cannot be used, and where.
type SyntaxError struct {
	Line, Column int // from 1, a column counts characters; both are 0 if the place is not known
	Kind         Kind
	Detail       string // for BadVersion: the version; for NoID: the address of the resource; otherwise empty
}

// A Kind is the reason why [Read] cannot use a text. Callers choose the message for the user by it.
type Kind string

// The reasons why a text cannot be used.
const (
	Empty      Kind = "empty"       // there is no text
	TooLong    Kind = "too_long"    // more than [MaxSize] bytes
	Binary     Kind = "binary"      // the plan file itself, not its JSON
	Printed    Kind = "printed"     // the text that terraform plan prints for people
	Stream     Kind = "stream"      // the messages that terraform plan -json prints
	State      Kind = "state"       // the JSON of a state, not of a plan
	BadJSON    Kind = "json"        // invalid JSON, or more text after the JSON object
	NoPlan     Kind = "plan"        // JSON that is neither a plan nor a state
	BadVersion Kind = "version"     // a format version other than 1
	Errored    Kind = "errored"     // the plan ended with an error, so it is not complete
	NoID       Kind = "id"          // an instance that the plan changes has no valid id
	NoInstance Kind = "no_instance" // the plan changes and destroys no instance
)

// Error returns the place and the kind in English, for logs. It contains no text of the plan,
// which can be secret.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("terraform: line %d, column %d: %s", e.Line, e.Column, e.Kind)
}

// document has those members of a Terraform plan that [Read] uses. Other members are ignored, as
// Terraform's documentation requires.
type document struct {
	FormatVersion   string   `json:"format_version"`
	Errored         bool     `json:"errored"`
	ResourceChanges []change `json:"resource_changes"`
	PriorState      struct {
		Values values `json:"values"`
	} `json:"prior_state"`
	Configuration struct {
		Providers map[string]provider `json:"provider_config"`
	} `json:"configuration"`
	Variables map[string]struct {
		Value json.RawMessage `json:"value"`
	} `json:"variables"`

	Values       json.RawMessage `json:"values"`         // only a state has this member
	PlannedState json.RawMessage `json:"planned_values"` // each plan has this member
	Level        string          `json:"@level"`         // only a message of terraform plan -json has this member
}

// change is what a Terraform plan does to one resource.
type change struct {
	Address string `json:"address"`
	Mode    string `json:"mode"`
	Type    string `json:"type"`
	Change  struct {
		Actions []string   `json:"actions"`
		Before  attributes `json:"before"`
	} `json:"change"`
}

// attributes has those attributes of a resource that [Read] uses. An attribute that is missing or
// has another JSON type is empty.
type attributes struct {
	ID          word  `json:"id"`
	InstanceID  words `json:"instance_id"`
	InstanceIDs words `json:"instance_ids"`
	DiskID      word  `json:"disk_id"`
	Zone        word  `json:"availability_zone"`
	ZoneID      word  `json:"zone_id"`
}

// values has the resources of a state.
type values struct {
	RootModule module `json:"root_module"`
}

// module has the resources of one module and its child modules.
type module struct {
	Resources []struct {
		Type   string     `json:"type"`
		Values attributes `json:"values"`
	} `json:"resources"`
	Children []module `json:"child_modules"`
}

// provider is the configuration of a Terraform provider. Its region is a constant, or refers to
// variables.
type provider struct {
	Name        string `json:"name"`
	Expressions struct {
		Region struct {
			Constant   word  `json:"constant_value"`
			References words `json:"references"`
		} `json:"region"`
	} `json:"expressions"`
}

// word is a JSON string; "" stands for a JSON value of another type.
type word string

// UnmarshalJSON reads a JSON string. A value of another type leaves w unchanged and is not an error.
func (w *word) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*w = word(text)
	}
	return nil
}

// words is a JSON string or a list of strings. It has no empty strings and no values of other JSON
// types.
type words []string

// UnmarshalJSON adds a JSON string, or the strings of a list, to w. Values of other types are
// skipped and are not an error.
func (w *words) UnmarshalJSON(data []byte) error {
	var one word
	var all []word
	if json.Unmarshal(data, &all) != nil {
		_ = json.Unmarshal(data, &one) // never fails
		all = []word{one}
	}
	for _, text := range all {
		if text != "" {
			*w = append(*w, string(text))
		}
	}
	return nil
}

// Read returns the instances that a plan changes or destroys. A byte order mark is skipped.
// Every error is a [*SyntaxError].
func Read(data []byte) (Plan, error) {
	data = jsontext.TrimMark(data)
	if err := strange(data); err != nil {
		return Plan{}, err
	}
	var d document
	decoder := json.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&d); err != nil {
		return Plan{}, badJSON(data, err)
	}
	if d.Level != "" {
		return Plan{}, &SyntaxError{Kind: Stream}
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		line, column := place(data, decoder.InputOffset())
		return Plan{}, &SyntaxError{Kind: BadJSON, Line: line, Column: column}
	}
	major, _, _ := strings.Cut(d.FormatVersion, ".")
	switch {
	case d.FormatVersion == "":
		return Plan{}, &SyntaxError{Kind: NoPlan}
	case major != "1":
		return Plan{}, &SyntaxError{Kind: BadVersion, Detail: param.Clean(d.FormatVersion, 40)}
	case d.Errored:
		return Plan{}, &SyntaxError{Kind: Errored}
	case d.PlannedState == nil && d.ResourceChanges == nil && d.Values != nil:
		return Plan{}, &SyntaxError{Kind: State}
	case d.PlannedState == nil && d.ResourceChanges == nil:
		return Plan{}, &SyntaxError{Kind: NoPlan}
	}
	return d.plan()
}

// strange returns an error for data that cannot be a Terraform plan in JSON: empty or too long,
// binary, or the text that “terraform plan” prints. It does not parse the JSON.
func strange(data []byte) error {
	text := bytes.TrimSpace(data)
	switch {
	case len(data) > MaxSize:
		return &SyntaxError{Kind: TooLong}
	case len(text) == 0:
		return &SyntaxError{Kind: Empty}
	case bytes.HasPrefix(data, []byte("PK\x03\x04")): // a plan file is a ZIP archive
		return &SyntaxError{Kind: Binary}
	case !utf8.Valid(data):
		return &SyntaxError{Kind: Binary}
	case text[0] != '{' && (bytes.Contains(data, []byte("Terraform ")) || bytes.Contains(data, []byte("Plan:"))):
		return &SyntaxError{Kind: Printed}
	}
	return nil
}

// badJSON converts an error of the JSON decoder to a [*SyntaxError].
func badJSON(data []byte, err error) error {
	e := &SyntaxError{Kind: BadJSON}
	switch syntax, kind := (*json.SyntaxError)(nil), (*json.UnmarshalTypeError)(nil); {
	case errors.As(err, &syntax):
		e.Line, e.Column = place(data, syntax.Offset-1)
	case errors.As(err, &kind):
		e.Kind = NoPlan
		e.Line, e.Column = place(data, kind.Offset-1)
	case errors.Is(err, io.ErrUnexpectedEOF):
		e.Line, e.Column = place(data, int64(len(data)))
	}
	return e
}

// place returns the line and the column of the byte at offset. Both count from 1; a column counts
// characters.
func place(data []byte, offset int64) (line, column int) {
	before := data[:min(max(offset, 0), int64(len(data)))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[start:]) + 1
}

// plan computes the result of [Read]. The error is a [*SyntaxError] with NoID or NoInstance.
func (d *document) plan() (Plan, error) {
	var p Plan
	found := map[string]*Instance{}
	attached := d.attachments()
	region := d.region()
	zones := map[string]string{}
	d.PriorState.Values.RootModule.each(0, func(kind string, v attributes) {
		if kind == "alicloud_instance" {
			zones[string(v.ID)] = v.zone()
		}
	})
	for _, c := range d.ResourceChanges {
		if c.Mode != "managed" || !c.loses() {
			continue
		}
		p.Changes++
		ids := c.instances(attached)
		if c.Type == "alicloud_instance" && len(ids) == 0 {
			return Plan{}, &SyntaxError{Kind: NoID, Detail: param.Clean(c.Address, 200)}
		}
		for _, id := range ids {
			if !isInstanceID(id) {
				return Plan{}, &SyntaxError{Kind: NoID, Detail: param.Clean(c.Address, 200)}
			}
			one := found[id]
			if one == nil {
				one = &Instance{ID: id, Region: regionOf(zones[id])}
				found[id] = one
			}
			one.Addresses = append(one.Addresses, param.Clean(c.Address, 200))
			if c.Type == "alicloud_instance" {
				one.Destroyed = one.Destroyed || slices.Contains(c.Change.Actions, "delete")
			}
			if one.Region == "" {
				one.Region = regionOf(c.Change.Before.zone())
			}
		}
	}
	for _, one := range found {
		if one.Region == "" {
			one.Region = region
		}
		slices.Sort(one.Addresses)
		one.Addresses = slices.Compact(one.Addresses)
		p.Instances = append(p.Instances, *one)
	}
	slices.SortFunc(p.Instances, func(a, b Instance) int { return strings.Compare(a.ID, b.ID) })
	if len(p.Instances) == 0 {
		return p, &SyntaxError{Kind: NoInstance}
	}
	return p, nil
}

// loses reports whether the change updates or destroys the resource, so that data can be lost.
func (c change) loses() bool {
	return slices.Contains(c.Change.Actions, "update") || slices.Contains(c.Change.Actions, "delete")
}

// olderNames lists the resource types of ECS without the prefix alicloud_ecs_. Each is the earlier
// name of a type with this prefix.
var olderNames = []string{
	"alicloud_disk", "alicloud_disk_attachment", "alicloud_key_pair_attachment", "alicloud_network_interface_attachment",
	"alicloud_ram_role_attachment",
}

// instances returns the ids of the instances to which the changed resource belongs, as the package
// comment describes. attached maps the id of a disk to the id of its instance.
func (c change) instances(attached map[string]string) []string {
	before := c.Change.Before
	switch {
	case c.Type == "alicloud_instance":
		if before.ID == "" {
			return nil
		}
		return []string{string(before.ID)}
	case !strings.HasPrefix(c.Type, "alicloud_ecs_") && !slices.Contains(olderNames, c.Type):
		return nil
	}
	ids := slices.Concat([]string(before.InstanceID), []string(before.InstanceIDs))
	if len(ids) == 0 {
		disk := before.DiskID
		if strings.HasSuffix(c.Type, "_disk") {
			disk = before.ID
		}
		if id := attached[string(disk)]; id != "" {
			ids = []string{id}
		}
	}
	return ids
}

// attachments maps the id of each attached disk to the id of its instance. It reads the attachments
// in the state and in the changes.
func (d *document) attachments() map[string]string {
	all := map[string]string{}
	add := func(kind string, v attributes) {
		if strings.HasSuffix(kind, "_disk_attachment") && v.DiskID != "" && len(v.InstanceID) == 1 {
			all[string(v.DiskID)] = v.InstanceID[0]
		}
	}
	d.PriorState.Values.RootModule.each(0, add)
	for _, c := range d.ResourceChanges {
		add(c.Type, c.Change.Before)
	}
	return all
}

// each calls f with the type and the attributes of each resource of m and its child modules. depth
// is the nesting of m; modules deeper than maxDepth are skipped.
func (m module) each(depth int, f func(kind string, v attributes)) {
	for _, r := range m.Resources {
		f(r.Type, r.Values)
	}
	if depth < maxDepth {
		for _, child := range m.Children {
			child.each(depth+1, f)
		}
	}
}

// zone returns the zone of a resource.
func (v attributes) zone() string {
	if v.Zone != "" {
		return string(v.Zone)
	}
	return string(v.ZoneID)
}

// regionOf returns the region of a zone such as cn-hangzhou-i or ap-southeast-1a: the longest
// region id of Cloud Backup that is a prefix of the zone. It returns "" if there is none.
func regionOf(zone string) (region string) {
	for _, r := range param.Regions {
		if strings.HasPrefix(zone, r.ID) && len(r.ID) > len(region) {
			region = r.ID
		}
	}
	return region
}

// region returns the region of the provider alicloud, from a constant or a variable. It returns ""
// if a configuration of the provider has no known region, or if two have different ones.
func (d *document) region() (region string) {
	for _, p := range d.Configuration.Providers {
		if p.Name != "alicloud" {
			continue
		}
		stated := string(p.Expressions.Region.Constant)
		if refs := p.Expressions.Region.References; stated == "" && len(refs) > 0 {
			name, _ := strings.CutPrefix(refs[0], "var.")
			var value word
			if raw, ok := d.Variables[name]; ok {
				_ = value.UnmarshalJSON(raw.Value) // never fails
			}
			stated = string(value)
		}
		if !param.KnownRegion(stated) || region != "" && region != stated {
			return ""
		}
		region = stated
	}
	return region
}

// isInstanceID reports whether id can be the id of an instance.
func isInstanceID(id string) bool {
	field, _ := param.FieldNamed("InstanceId")
	return field.Check(id) == nil
}
