package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A deployFile is a configuration file for the deployment tool Serverless Devs, such as s.yaml.
// Files that it extends are merged into doc; references in it are not replaced yet.
type deployFile struct {
	dir string         // folder of the file; relative paths in the file start here
	doc map[string]any // the whole document
}

// readDeployFile reads a file and merges it with the files that it extends.
func readDeployFile(path string) (deployFile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return deployFile{}, err
	}
	file := deployFile{dir: filepath.Dir(path)}
	if err := yaml.Unmarshal(text, &file.doc); err != nil {
		return deployFile{}, fmt.Errorf("%s: %w", path, err)
	}
	base, ok := file.doc["extend"].(string)
	if !ok {
		return file, nil
	}
	delete(file.doc, "extend")
	extended, err := readDeployFile(filepath.Join(file.dir, base))
	if err != nil {
		return deployFile{}, fmt.Errorf("%s: extend: %w", path, err)
	}
	file.doc = mergeYAML(extended.doc, file.doc)
	return file, nil
}

// mustReadDeployFile calls readDeployFile and fails the test on an error. Each call returns a new
// document, which the test may change.
func mustReadDeployFile(t *testing.T, path string) deployFile {
	t.Helper()
	file, err := readDeployFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// mergeYAML merges the document over into the document under, as the deployment tool does: it
// merges objects, and replaces all other values, also lists.
func mergeYAML(under, over map[string]any) map[string]any {
	merged := maps.Clone(under)
	for key, value := range over {
		lower, isObject := merged[key].(map[string]any)
		upper, ok := value.(map[string]any)
		if isObject && ok {
			value = mergeYAML(lower, upper)
		}
		merged[key] = value
	}
	return merged
}

// complaints lists the mistakes in a file, each with its position.
type complaints []error

// add appends a complaint about the position where.
func (c *complaints) add(where, format string, args ...any) {
	*c = append(*c, fmt.Errorf("%s: "+format, append([]any{where}, args...)...))
}

var (
	anyReference = regexp.MustCompile(`\$\{([^}]*)\}`)
	envReference = regexp.MustCompile(`^env\((?:'([^']*)'|"([^"]*)")(?:, *(?:'([^']*)'|"([^"]*)"))?\)$`)
	varReference = regexp.MustCompile(`^vars\.(\w+)$`)
)

// A referenceResolver replaces references such as ${env(X)} by their values. The deployment
// tool does this first.
type referenceResolver struct {
	getenv func(string) string
	vars   map[string]any
	errs   complaints
}

// resolveReferences returns the document with all references replaced. The value of a reference
// is always text. The member access is not changed, because the deployment tool does not change
// it.
func resolveReferences(doc map[string]any, getenv func(string) string) (map[string]any, []error) {
	r := &referenceResolver{getenv: getenv}
	vars, _ := doc["vars"].(map[string]any)
	r.vars, _ = r.value("vars", vars).(map[string]any) // r.vars is still empty, because a variable may not refer to another variable
	resolved := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(doc)) {
		switch key {
		case "vars":
			resolved[key] = r.vars
		case "access":
			resolved[key] = doc[key]
		default:
			resolved[key] = r.value(key, doc[key])
		}
	}
	return resolved, r.errs
}

// value resolves all references in the value v at the position where.
func (r *referenceResolver) value(where string, v any) any {
	switch v := v.(type) {
	case string:
		return anyReference.ReplaceAllStringFunc(v, func(ref string) string { return r.reference(where, ref) })
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = r.value(fmt.Sprintf("%s[%d]", where, i), v[i])
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			object[key] = r.value(where+"."+key, v[key])
		}
		return object
	}
	return v
}

// reference returns the value of one reference ${…}.
func (r *referenceResolver) reference(where, ref string) string {
	inner := strings.TrimSpace(anyReference.FindStringSubmatch(ref)[1])
	if m := varReference.FindStringSubmatch(inner); m != nil {
		if value, ok := r.vars[m[1]]; ok {
			return fmt.Sprint(value)
		}
		r.errs.add(where, "%s: no such entry in vars; add it there", ref)
		return ref
	}
	m := envReference.FindStringSubmatch(inner)
	if m == nil {
		r.errs.add(where, "%s: only env('NAME', 'default') and vars.name are understood", ref)
		return ref
	}
	if value := r.getenv(cmp.Or(m[1], m[2])); value != "" { // the CLI treats an empty variable as unset
		return value
	}
	if !strings.Contains(inner, ",") {
		r.errs.add(where, "%s: needs a default, or nobody can deploy without setting it", ref)
	}
	return m[3] + m[4]
}
