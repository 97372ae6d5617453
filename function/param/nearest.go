package param

import (
	"slices"
	"strings"
	"sync"
)

// maxHinted is the length of the longest name, in bytes, for which a parameter is suggested.
const maxHinted = 64

// unknownKey returns the mistake for a key that object, Detail or Options, does not have, with
// code "unknown". The sentence names the key that was probably meant, if there is one.
func unknownKey(object, key string) Mistake {
	m := Mistake{Field: object + "." + key, Code: "unknown", Text: msgNoKey, Args: []any{object, key}}
	if hint := nearest(key, object); hint != "" {
		m.Text, m.Args = msgNearestKey, []any{object, key, hint}
	}
	return m
}

// nearest returns the name that a sender probably meant with the unknown name: a key of object, or
// a top-level parameter if object is empty. A key that was written in another place is returned with its
// dotted name. The comparison ignores case and separators, and knows some other names ([aliases]). It
// returns "" if no name is similar, or if name is longer than [maxHinted].
func nearest(name, object string) string { return nearestOf(name, object, knownKeys()) }

// NearestName returns the one of names that is most similar to name, as [nearest] compares them. It
// returns "" if none is similar.
func NearestName(name string, names []string) string {
	return nearestOf(name, "", keysNamed(names))
}

// nearestOf does the work of [nearest] for the given keys.
func nearestOf(name, object string, keys []knownKey) string {
	if len(name) > maxHinted {
		return ""
	}
	wanted := foldName(name)
	if alias := aliases[wanted]; alias != "" {
		wanted = foldName(alias)
	}
	best, bestDistance, elsewhere := "", len(wanted)/3+1, ""
	if bestDistance < 3 {
		bestDistance = 3 // short names too may have two wrong letters
	}
	for _, k := range keys {
		switch {
		case k.folded == wanted && k.object == object:
			return k.key
		case k.folded == wanted:
			elsewhere = strings.TrimPrefix(k.object+"."+k.key, ".")
		case k.object != object:
			continue
		}
		if d := similarity(wanted, k.folded); d < bestDistance && k.object == object {
			best, bestDistance = k.key, d
		}
	}
	if elsewhere != "" && (object == "" || best == "") {
		return elsewhere
	}
	return best
}

// aliases are names of other products and of the vendor's console that are not similar to the names of
// the parameters, in the form of [foldName].
var aliases = map[string]string{
	"name":         "JobName",
	"vss":          "UseVSS",
	"enablevss":    "UseVSS",
	"days":         "Retention",
	"expire":       "Retention",
	"paths":        "Include",
	"path":         "Include",
	"ignore":       "Exclude",
	"volumes":      "ContainerResources",
	"pvcs":         "ContainerResources",
	"bandwidth":    "SpeedLimit",
	"ecsid":        "InstanceId",
	"serverid":     "InstanceId",
	"shadowcopy":   "UseVSS",
	"shadowcopies": "UseVSS",

	"copyregion":     "destinationRegionId",
	"copyretention":  "destinationRetention",
	"copydays":       "destinationRetention",
	"freezetimeout":  "timeoutInSeconds",
	"idempotencykey": "key",
}

// A knownKey is a name that JSON can have: at the top if object is empty, else inside object.
type knownKey struct{ object, key, folded string }

// knownKeys returns the keys of all fields and the two objects, in the order of [Fields].
var knownKeys = sync.OnceValue(func() []knownKey {
	var keys []knownKey
	add := func(object, key string) {
		if k := (knownKey{object, key, foldName(key)}); !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	for _, f := range Fields {
		object, key, nested := strings.Cut(f.Name, ".")
		if !nested {
			add("", f.Name)
			continue
		}
		add("", object)
		add(object, key)
	}
	return keys
})

// keysNamed returns names at the top of JSON that are no parameters.
func keysNamed(names []string) []knownKey {
	keys := make([]knownKey, 0, len(names))
	for _, name := range names {
		keys = append(keys, knownKey{key: name, folded: foldName(name)})
	}
	return keys
}

// separators removes the characters between the words of a name.
var separators = strings.NewReplacer("_", "", "-", "", " ", "")

// foldName returns name in lower case without separators, for a comparison.
func foldName(name string) string { return separators.Replace(strings.ToLower(name)) }

// similarity returns how different two folded names are: their edit distance, or less if one of them,
// also without a plural s, is a part of the other. It is 1 for a beginning of at least four letters, and
// 2 for another part of at least three.
func similarity(a, b string) int {
	d := editDistance(a, b)
	a, b = singular(a), singular(b)
	switch least := min(len(a), len(b)); {
	case least > 3 && (strings.HasPrefix(a, b) || strings.HasPrefix(b, a)):
		return min(d, 1)
	case least > 2 && (strings.Contains(a, b) || strings.Contains(b, a)):
		return min(d, 2)
	}
	return d
}

// singular returns name without a plural s.
func singular(name string) string {
	if strings.HasSuffix(name, "ss") {
		return name
	}
	return strings.TrimSuffix(name, "s")
}

// editDistance returns the Levenshtein distance of a and b in bytes. Both have at most [maxHinted]
// bytes.
func editDistance(a, b string) int {
	var cells [maxHinted + 1]int
	row := cells[:len(b)+1]
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
