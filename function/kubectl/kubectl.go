// Package kubectl reads the volumes in the output of kubectl get.
//
// The output is that of “kubectl get pv,pvc -A -o yaml” or “-o json”: one List, one object, or
// several YAML documents. JSON is read as YAML, because JSON is valid YAML. A claim and the
// volume that its spec.volumeName names become one [Volume]. A volume whose claim is not in the
// output becomes a [Volume] of its own, with the claim of its spec.claimRef.
//
// Objects of other kinds are skipped. Only the values of a [Volume] are kept.
package kubectl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// MaxSize is the maximum size of the output that [Read] accepts, in bytes.
const MaxSize = 256 << 10

// maxDepth limits the nesting of the output. Objects of Kubernetes nest less than 20 levels.
const maxDepth = 64

// A Volume is a claim with its volume, or only one of the two if the output does not have the
// other. Values that are not in the output are empty.
type Volume struct {
	Namespace, Claim string // namespace and name of the claim
	Name             string // name of the persistent volume
	Size             string // in the notation of Kubernetes, such as 100Gi
	StorageClass     string
	Driver           string // the CSI driver, or the kind of another source, such as hostPath
	Node             string // the node that the scheduler selected for the claim
	Problem          Problem
	Detail           string // for NotBound: the phase; for OtherDriver: the driver
}

// A Problem says why a volume cannot be backed up. It is empty if it can.
type Problem string

// The problems of volumes.
const (
	NotBound    Problem = "not_bound"   // the phase of the claim or of the volume is not Bound
	NoClaim     Problem = "no_claim"    // no claim uses the volume
	OtherDriver Problem = "driver"      // Driver is not in [Drivers]
	Deleting    Problem = "terminating" // the claim or the volume is being deleted
)

// Drivers are the CSI drivers whose volumes Cloud Backup can back up.
var Drivers = []string{
	"diskplugin.csi.alibabacloud.com", "nasplugin.csi.alibabacloud.com", "ossplugin.csi.alibabacloud.com",
}

// A Listing is the result of [Read]: the volumes in the output of kubectl.
type Listing struct {
	Volumes   []Volume // sorted by namespace, claim and name
	Documents int      // YAML documents, or 1 for JSON
}

// A SyntaxError says why the output cannot be read, and where.
type SyntaxError struct {
	Line, Column int // from 1; 0 if the place is not known
	Kind         Kind
}

// A Kind is the kind of a [SyntaxError].
type Kind string

// The kinds of errors.
const (
	Empty    Kind = "empty"    // the output has no object
	TooLong  Kind = "too_long" // more than [MaxSize] bytes
	NotText  Kind = "not_text" // not UTF-8
	Tab      Kind = "tab"      // YAML does not allow tabs for indentation
	Prompt   Kind = "prompt"   // a line of a shell, such as “$ kubectl …”
	Table    Kind = "table"    // the output of kubectl without -o
	BadYAML  Kind = "yaml"     // another mistake in the syntax of YAML
	NoObject Kind = "object"   // a value that is no object of Kubernetes
	NoVolume Kind = "volume"   // the output has objects, but no volume and no claim
)

// Error returns the place and the kind in English, for logs. It contains no text of the output,
// which can be secret.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("kubectl: line %d, column %d: %s", e.Line, e.Column, e.Kind)
}

// Read returns the volumes in output, which is what kubectl printed. It ignores a byte order
// mark. Every error is a [*SyntaxError].
func Read(output string) (Listing, error) {
	output = strings.TrimPrefix(output, "\ufeff")
	output = strings.ReplaceAll(output, "\r\n", "\n")
	switch {
	case len(output) > MaxSize:
		return Listing{}, &SyntaxError{Kind: TooLong}
	case !utf8.ValidString(output):
		return Listing{}, &SyntaxError{Kind: NotText}
	case strings.TrimSpace(output) == "":
		return Listing{}, &SyntaxError{Kind: Empty}
	}
	if err := strangeLine(output); err != nil {
		return Listing{}, err
	}
	r := reader{claims: map[string]claim{}, volumes: map[string]volume{}}
	decoder := yaml.NewDecoder(strings.NewReader(output))
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Listing{}, syntax(output, err)
		}
		if len(document.Content) == 0 || document.Content[0].ShortTag() == "!!null" {
			continue // an empty document, such as after a last “---”
		}
		r.documents++
		if err := r.object(document.Content[0], 0); err != nil {
			return Listing{}, err
		}
	}
	all := r.join()
	if r.documents == 0 {
		return Listing{}, &SyntaxError{Kind: Empty}
	}
	if len(all) == 0 {
		return Listing{}, &SyntaxError{Kind: NoVolume}
	}
	return Listing{Volumes: all, Documents: r.documents}, nil
}

// lazy returns a function that compiles expression at its first call.
func lazy(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// promptLine matches a line with the prompt of a shell or with a command. tableLine matches the
// heading of the table that kubectl prints without the option -o.
var (
	promptLine = lazy(`^\s*(\S*[$#%>❯]\s+\S|\[\S+@\S+ [^\]]*\][$#]|\S+@\S+[:~]\S*[$#]|kubectl\s)`)
	tableLine  = lazy(`^(NAMESPACE\s+)?NAME\s+(STATUS|CAPACITY|VOLUME)\b`)
)

// strangeLine returns an error for the first line that kubectl never writes with -o yaml or -o
// json: a shell prompt, the heading of a table, or an indentation with a tab. In JSON, tabs are
// allowed.
func strangeLine(output string) error {
	isJSON := strings.HasPrefix(strings.TrimSpace(output), "{")
	number := 0
	for line := range strings.Lines(output) {
		number++
		text := strings.TrimRight(line, "\n")
		switch indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]; {
		case tableLine().MatchString(text):
			return &SyntaxError{Line: number, Column: 1, Kind: Table}
		case promptLine().MatchString(text) && !strings.HasPrefix(strings.TrimSpace(text), "#") && !inBlock(text):
			return &SyntaxError{Line: number, Column: len(indent) + 1, Kind: Prompt}
		case !isJSON && strings.Contains(indent, "\t") && strings.TrimSpace(text) != "":
			return &SyntaxError{Line: number, Column: strings.Index(indent, "\t") + 1, Kind: Tab}
		}
	}
	return nil
}

// inBlock reports whether a line can be a part of a block of text in YAML, such as an
// annotation, because it is indented.
func inBlock(text string) bool { return strings.HasPrefix(text, "  ") }

// lineOfError finds the line in a message of the YAML library.
var lineOfError = lazy(`line (\d+)`)

// syntax returns the [*SyntaxError] for an error of the YAML library, which states only the
// line. Its Column is that of the first character after the indentation.
func syntax(output string, err error) error {
	e := &SyntaxError{Kind: BadYAML}
	if m := lineOfError().FindStringSubmatch(err.Error()); m != nil {
		e.Line, _ = strconv.Atoi(m[1])
		lines := strings.Split(output, "\n")
		e.Column = 1
		if e.Line >= 1 && e.Line <= len(lines) {
			text := lines[e.Line-1]
			e.Column = len(text) - len(strings.TrimLeft(text, " ")) + 1
		}
	}
	return e
}

// A claim has the values of a PersistentVolumeClaim, and a volume those of a PersistentVolume.
type (
	claim struct {
		namespace, name, volume, size, class, phase, node string
		deleting                                          bool
	}
	volume struct {
		name, namespace, claim, size, class, phase, driver string
		deleting                                           bool
	}
)

// A reader collects the objects of one output.
type reader struct {
	claims    map[string]claim  // by namespace and name
	volumes   map[string]volume // by name
	documents int
}

// object reads one object or a list of objects. depth counts the lists around it.
func (r *reader) object(node *yaml.Node, depth int) error {
	if node.Kind != yaml.MappingNode || depth > maxDepth {
		return &SyntaxError{Line: node.Line, Column: node.Column, Kind: NoObject}
	}
	kind := text(node, "kind")
	switch {
	case kind == "":
		return &SyntaxError{Line: node.Line, Column: node.Column, Kind: NoObject}
	case kind == "List", kind == "PersistentVolumeList", kind == "PersistentVolumeClaimList":
		items := child(node, "items")
		if items == nil || items.Kind != yaml.SequenceNode {
			return &SyntaxError{Line: node.Line, Column: node.Column, Kind: NoObject}
		}
		for _, item := range items.Content {
			if text(item, "kind") == "" && kind != "List" { // kubectl omits it in typed lists
				r.add(strings.TrimSuffix(kind, "List"), item)
			} else if err := r.object(item, depth+1); err != nil {
				return err
			}
		}
	default:
		r.add(kind, node)
	}
	return nil
}

// add stores the values of a claim or a volume. It ignores an object of another kind, and one
// without a name.
func (r *reader) add(kind string, node *yaml.Node) {
	name := text(node, "metadata", "name")
	deleting := text(node, "metadata", "deletionTimestamp") != ""
	switch {
	case kind == "PersistentVolumeClaim" && name != "":
		c := claim{
			namespace: text(node, "metadata", "namespace"), name: name, volume: text(node, "spec", "volumeName"),
			class: text(node, "spec", "storageClassName"), phase: text(node, "status", "phase"), deleting: deleting,
			node: text(node, "metadata", "annotations", "volume.kubernetes.io/selected-node"),
		}
		if c.size = text(node, "status", "capacity", "storage"); c.size == "" {
			c.size = text(node, "spec", "resources", "requests", "storage")
		}
		r.claims[c.namespace+"/"+c.name] = c
	case kind == "PersistentVolume" && name != "":
		r.volumes[name] = volume{
			name: name, namespace: text(node, "spec", "claimRef", "namespace"), claim: text(node, "spec", "claimRef", "name"),
			size: text(node, "spec", "capacity", "storage"), class: text(node, "spec", "storageClassName"),
			phase: text(node, "status", "phase"), driver: driver(node), deleting: deleting,
		}
	}
}

// driver returns the CSI driver of a persistent volume, or the name of another storage type
// such as hostPath. It returns "" if the volume has no known type.
func driver(node *yaml.Node) string {
	if name := text(node, "spec", "csi", "driver"); name != "" {
		return name
	}
	spec := child(node, "spec")
	for _, name := range []string{"nfs", "hostPath", "local", "flexVolume", "iscsi", "rbd", "cephfs", "fc"} {
		if child(spec, name) != nil {
			return name
		}
	}
	return ""
}

// join returns the claims with their volumes, and the volumes without a claim in the output.
func (r *reader) join() []Volume {
	var all []Volume
	used := map[string]bool{}
	for _, c := range r.claims {
		v, ok := r.volumes[c.volume]
		used[c.volume] = used[c.volume] || ok
		one := Volume{
			Namespace: c.namespace, Claim: c.name, Name: c.volume, Size: first(c.size, v.size),
			StorageClass: first(c.class, v.class), Driver: v.driver, Node: c.node,
		}
		one.Problem, one.Detail = problem(c.phase, v.phase, v.driver, c.deleting || v.deleting)
		all = append(all, one)
	}
	for _, v := range r.volumes {
		if used[v.name] {
			continue
		}
		one := Volume{
			Namespace: v.namespace, Claim: v.claim, Name: v.name, Size: v.size, StorageClass: v.class, Driver: v.driver,
		}
		one.Problem, one.Detail = problem("", v.phase, v.driver, v.deleting)
		if v.claim == "" && one.Problem == "" {
			one.Problem = NoClaim
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Volume) int {
		return strings.Compare(
			a.Namespace+"\x00"+a.Claim+"\x00"+a.Name,
			b.Namespace+"\x00"+b.Claim+"\x00"+b.Name,
		)
	})
	return all
}

// problem returns why a volume with these phases and this driver cannot be backed up. A value
// that is missing in the output is empty and causes no problem.
func problem(claimPhase, volumePhase, driver string, deleting bool) (Problem, string) {
	switch {
	case deleting:
		return Deleting, ""
	case claimPhase != "" && claimPhase != "Bound":
		return NotBound, claimPhase
	case volumePhase != "" && volumePhase != "Bound":
		return NotBound, volumePhase
	case driver != "" && !slices.Contains(Drivers, driver):
		return OtherDriver, driver
	}
	return "", ""
}

// first returns a, or b if a is empty.
func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// child returns the value of a key of a mapping; nil if node is no mapping or has no such key.
// It does not follow YAML aliases, because kubectl writes none.
func child(node *yaml.Node, key string) *yaml.Node {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}

// maxText is the maximum length of a value that is read, in bytes. Names in Kubernetes have at
// most 253.
const maxText = 253

// text returns the scalar value at a path of keys. It returns "" if none exists, for null,
// and for a value that cannot be a name or a size in Kubernetes: one that is too long, or
// contains a blank or a control character.
func text(node *yaml.Node, path ...string) string {
	for _, key := range path {
		node = child(node, key)
	}
	if node == nil || node.Kind != yaml.ScalarNode || node.ShortTag() == "!!null" || len(node.Value) > maxText {
		return ""
	}
	if bytes.ContainsFunc([]byte(node.Value), func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return ""
	}
	return node.Value
}
