package param

import (
	"slices"
	"strings"
	"sync"
)

// maxHinted is the maximum length, in bytes, of an unknown name for which a similar name is
// suggested. It limits the cost of the comparison.
const maxHinted = 64

// unknownKey returns the mistake for a key that is not a key of object (Detail or Options),
// with code "unknown". If a known name is similar, the sentence suggests it.
func unknownKey(object, key string) Mistake {
	m := Mistake{Field: object + "." + key, Code: "unknown", Text: msgNoKey, Args: []any{object, key}}
	if hint := nearest(key, object); hint != "" {
		m.Text, m.Args = msgNearestKey, []any{object, key, hint}
	}
	return m
}

// nearest returns the parameter that the sender of an unknown name probably meant, or "" if
// none is similar. object is the object in which the name was found: Detail, Options, or "" for
// the top level. A parameter that belongs elsewhere is returned with its dotted name. The
// comparison ignores case and separators, and knows other names ([aliases]). Names longer than
// [maxHinted] get "".
func nearest(name, object string) string { return nearestOf(name, object, knownKeys()) }

// NearestName returns the one of names that is most similar to name, by the rules of [nearest].
// It returns "" if none is similar.
func NearestName(name string, names []string) string {
	return nearestOf(name, "", keysNamed(names))
}

// nearestOf is [nearest] for the given list of keys.
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

// aliases maps other names of a parameter to the parameter. They come from other products and
// the vendor's console, and are not similar enough to be found by comparison. The keys have the
// form that [foldName] returns.
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

// A knownKey is a name that the JSON of a submission may have. It is at the top level if object
// is empty, otherwise inside that object.
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

// keysNamed returns names as keys of the top level that are not parameters.
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

// similarity returns a number for how different two folded names are; 0 means equal. It is
// their edit distance, or less if one name, with or without a plural s, is part of the other: 1
// at the beginning with four or more letters, 2 elsewhere with three or more.
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
