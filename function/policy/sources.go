package policy

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"backupportal/function/param"
	"backupportal/function/secret"
	"backupportal/function/webhook"
)

// Default and maximum of the key "tolerance": how far the time of a signed message may be in the
// past or future.
const (
	defaultTolerance = 5 * time.Minute
	maxTolerance     = time.Hour
)

// pointerShape matches a JSON pointer that is not empty; webhook.ParsePointer checks it
// further.
var pointerShape = shape{`(/[^/\x00-\x1f\x7f]*)+`, "a JSON pointer such as /alert/labels/instance"}

// Source returns the sender of webhooks with that name, or false if none exists. The result
// must not be changed.
func (p *Policy) Source(name string) (webhook.Source, bool) {
	i := slices.IndexFunc(p.sources, func(s webhook.Source) bool { return s.Name == name })
	if i < 0 {
		return webhook.Source{}, false
	}
	return p.sources[i], true
}

// source reads one sender of webhooks. Its name must be different from earlier ones.
func (l *loader) source(p place) webhook.Source {
	m := l.mapping(p, []string{"name", "kind", "keys", "submission"}, []string{"tolerance", "key", "when"})
	s := webhook.Source{
		Name:      l.shaped(m["name"], nameShape),
		Kind:      choice(l, m["kind"], webhook.Kinds...),
		Tolerance: l.duration(m["tolerance"]),
		BodyKey:   choice(l, m["key"], "body") == "body",
		When:      list(l, m["when"], l.condition),
	}
	switch _, again := l.sources[s.Name]; {
	case again:
		l.wrong(m["name"], "another source has the name %q: choose another name", s.Name)
	case s.Tolerance > maxTolerance:
		l.wrong(m["tolerance"], "is too long: write a time of at most %s", param.Duration(maxTolerance).En)
	case s.Kind != webhook.Standard && m["tolerance"].node != nil:
		l.wrong(m["tolerance"], "has no effect with kind: %s, whose messages have no time: remove it", s.Kind)
	case s.Kind != webhook.Bearer && m["key"].node != nil:
		l.wrong(m["key"], "has no effect with kind: %s, whose messages have ids: remove it", s.Kind)
	case s.Kind == webhook.Standard && s.Tolerance == 0:
		s.Tolerance = defaultTolerance
	}
	l.sources[s.Name] = true
	if !l.refused[m["kind"].node] {
		ids := map[string]bool{}
		s.Keys = list(l, m["keys"], func(p place) webhook.Key { return l.hookKey(p, s.Kind, ids) })
	}
	s.Submission = l.template(m["submission"])
	return s
}

// hookKey reads one key (secret or token) of a sender of webhooks of that kind. Its id must not
// be in ids yet; hookKey adds it. The file contains a hash of a bearer token; other keys are in
// environment variables.
func (l *loader) hookKey(p place, kind webhook.Kind, ids map[string]bool) webhook.Key {
	needed, optional := []string{"id", "secret_env"}, []string{"not_after"}
	if kind == webhook.Bearer {
		needed, optional = []string{"id", "sha256", "not_after"}, nil
	}
	m := l.mapping(p, needed, optional)
	k := webhook.Key{ID: l.shaped(m["id"], nameShape), NotAfter: l.moment(m["not_after"])}
	if ids[k.ID] && k.ID != "" {
		l.wrong(m["id"], "another key of this source has the id %q: choose another id", k.ID)
	}
	ids[k.ID] = true
	if kind == webhook.Bearer {
		if sum, err := hex.DecodeString(l.shaped(m["sha256"], sumShape)); err == nil && len(sum) == len(k.Sum) {
			copy(k.Sum[:], sum)
		}
		return k
	}
	name, value := l.variable(m["secret_env"], "the secret of the webhook")
	switch {
	case value == "":
	case kind == webhook.GitHub && len(value) < 16:
		l.wrong(m["secret_env"], "the environment variable %s has fewer than 16 characters: set it to a longer secret", name)
	case kind == webhook.GitHub:
		k.Secret = secret.New(value)
	default:
		signing, public := standardKey(value)
		if signing == "" && public == nil {
			l.wrong(m["secret_env"], "the environment variable %s does not contain a Standard Webhooks key: set it to whsec_ and the base64 of 24 to 64 bytes, or to whpk_ and the base64 of 32 bytes", name)
			return k
		}
		if k.Public = public; public == nil {
			k.Secret = secret.New(signing)
		}
	}
	return k
}

// standardKey decodes a key of Standard Webhooks: a secret ("whsec_…") or a public key
// ("whpk_…"). Both results are zero for any other text, also for a private key ("whsk_…"),
// which only the sender may have.
func standardKey(text string) (secret string, public []byte) {
	if encoded, ok := strings.CutPrefix(text, "whpk_"); ok {
		key, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil || len(key) != 32 || strings.ContainsAny(encoded, "\r\n") {
			return "", nil
		}
		return "", key
	}
	return webhookKey(text), nil
}

// condition reads one condition on a message: a JSON pointer, and the text that must be at that
// place.
func (l *loader) condition(p place) webhook.Condition {
	m := l.mapping(p, []string{"pointer", "equals"}, nil)
	return webhook.Condition{Pointer: l.pointer(m["pointer"]), Equals: l.text(m["equals"])}
}

// pointer reads a JSON pointer.
func (l *loader) pointer(p place) []string {
	parts, ok := webhook.ParsePointer(l.shaped(p, pointerShape))
	if p.node != nil && !ok {
		l.wrong(p, "is not a JSON pointer: write ~ as ~0, and / in a name as ~1")
	}
	return parts
}

// template reads the key submission of a sender of webhooks. It says for each parameter of the
// backup a fixed value, or where the value is in the message. Account and Region must be in it
// or in its preset. Parameters that the policy sets are refused. The values of a message are
// not trusted: the policy decides about the backup as about any other.
func (l *loader) template(p place) map[string]webhook.Part {
	var names []string
	for _, f := range param.Fields {
		if !f.Assigned {
			names = append(names, f.Name)
		}
	}
	m := l.mapping(p, nil, names)
	parts := map[string]webhook.Part{}
	for _, name := range names {
		at, ok := m[name]
		if !ok {
			continue
		}
		if at.node.Kind == yaml.MappingNode {
			parts[name] = webhook.Part{Pointer: l.pointer(l.mapping(at, []string{"pointer"}, nil)["pointer"])}
			continue
		}
		value := l.text(at)
		if f, _ := param.FieldNamed(name); !l.refused[at.node] {
			if bad := f.Check(value); bad != nil {
				l.wrong(at, "%s", bad[0].In(param.English))
			}
		}
		parts[name] = webhook.Part{Value: value}
	}
	preset, known := l.presets[parts["Preset"].Value]
	if at := m["Preset"]; parts["Preset"].Value != "" && !known && !l.refused[at.node] {
		l.wrong(at, "there is no preset %q: add it to presets, or correct the name", parts["Preset"].Value)
	}
	fromMessage := parts["Preset"].Pointer != nil // the message chooses the preset, which may have both
	for _, name := range []string{"Account", "Region"} {
		if _, ok := parts[name]; !ok && preset[name] == "" && !fromMessage && p.node != nil && !l.refused[p.node] {
			l.lacks(p, p.at(name, nil).path, "is missing: write a value, or where the message has it")
		}
	}
	return parts
}
