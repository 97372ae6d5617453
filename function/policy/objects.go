package policy

import (
	"slices"
	"strings"

	"backupportal/function/event/envelope"
	"backupportal/function/param"
)

// maxObjects limits the entries of the key objects.
const maxObjects = 100

// An objectRule is one entry of the key objects: which change of an object starts a backup.
type objectRule struct {
	event          envelope.Kind
	bucket         string
	prefix, suffix string // beginning and end of the object key; an empty suffix matches every key
	preset         string
}

// ObjectPreset returns the name of the preset that a new object starts, by the first entry that matches. kind is
// the kind of the event, and bucket the name of the bucket. ok is false if no entry matches.
func (p *Policy) ObjectPreset(kind envelope.Kind, bucket, key string) (preset string, ok bool) {
	at := slices.IndexFunc(p.objects, func(o objectRule) bool {
		return o.event == kind && o.bucket == bucket && strings.HasPrefix(key, o.prefix) && strings.HasSuffix(key, o.suffix)
	})
	if at < 0 {
		return "", false
	}
	return p.objects[at].preset, true
}

// Forms of the names of buckets, which are the same at OSS and S3, and of the beginnings and ends of keys.
var (
	bucketShape = shape{`[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]`, "the name of a bucket, 3 to 63 lower-case letters, digits, hyphens and dots"}
	keyShape    = shape{`[^\x00-\x1f\x7f]{1,255}`, "a part of an object's key, up to 255 characters"}
)

// objectList reads the key objects.
func (l *loader) objectList(p place) []objectRule {
	all := list(l, p, l.object)
	if len(all) > maxObjects {
		l.wrong(p, "has %d entries: write at most %d", len(all), maxObjects)
	}
	return all
}

// object reads one entry. Its preset must have the resource, its account and its region, because a change of an
// object has no values. An entry that an earlier one hides is a problem.
func (l *loader) object(p place) objectRule {
	m := l.mapping(p, []string{"event", "bucket", "prefix", "preset"}, []string{"suffix"})
	o := objectRule{
		event:  choice(l, m["event"], envelope.Objects...),
		bucket: l.shaped(m["bucket"], bucketShape),
		prefix: l.shaped(m["prefix"], keyShape),
		suffix: l.shaped(m["suffix"], keyShape),
		preset: l.text(m["preset"]),
	}
	values, known := l.presets[o.preset]
	switch {
	case l.refused[m["preset"].node] || m["preset"].node == nil:
	case !known:
		l.wrong(m["preset"], "there is no preset %q: add it to presets, or correct the name", o.preset)
	default:
		for _, name := range []string{"Account", "Region", resourceOf(values)} {
			if values[name] == "" {
				l.wrong(m["preset"], "the preset %q has no %s, and the change of an object has no values: add it to the preset", o.preset, name)
			}
		}
	}
	hides := func(earlier objectRule) bool {
		return earlier.event == o.event && earlier.bucket == o.bucket && strings.HasPrefix(o.prefix, earlier.prefix) &&
			strings.HasSuffix(o.suffix, earlier.suffix)
	}
	if slices.ContainsFunc(l.objects, hides) && len(l.problems) == 0 {
		l.wrong(p, "has no effect, because an earlier entry matches all its objects: put it before that entry, or remove it")
	}
	l.objects = append(l.objects, o)
	return o
}

// resourceOf returns the name of the parameter that names the resource of a backup with these values.
func resourceOf(values param.Params) string {
	if values.SourceType() == param.Container {
		return "ContainerClusterId"
	}
	return "InstanceId"
}
