package policy

import (
	"strings"
	"testing"

	"backupportal/function/event/envelope"
)

// withObjects is base with a complete preset “nightly”, an incomplete one “weeks”, and these entries of objects.
func withObjects(entries ...string) string {
	text := withPresets(
		"nightly", `{Account: prod, Region: cn-hangzhou, InstanceId: i-web1, Retention: "7"}`,
		"weeks", `{Retention: "14"}`,
		"volumes", `{SourceType: CONTAINER, Account: prod, Region: cn-hangzhou, InstanceId: ""}`,
	)
	text = strings.Replace(text, `, InstanceId: ""`, "", 1) + "objects:\n"
	for _, entry := range entries {
		text += "  - " + entry + "\n"
	}
	return text
}

// TestObjectsNameAPreset proves that the first entry with the kind, the bucket, the prefix and the suffix decides.
func TestObjectsNameAPreset(t *testing.T) {
	p := mustLoad(t, withObjects(
		`{event: oss, bucket: uploads, prefix: ready/, suffix: .done, preset: nightly}`,
		`{event: s3, bucket: uploads, prefix: r, preset: nightly}`,
	))
	for _, c := range []struct {
		kind        envelope.Kind
		bucket, key string
		want        bool
	}{
		{envelope.OSS, "uploads", "ready/42.done", true},
		{envelope.OSS, "uploads", "ready/42", false},
		{envelope.OSS, "uploads", "draft/ready/42.done", false},
		{envelope.OSS, "upload", "ready/42.done", false},
		{envelope.OSS, "uploads", "", false},
		{envelope.S3, "uploads", "ready/42", true},
		{envelope.CDN, "uploads", "ready/42.done", false},
	} {
		if preset, ok := p.ObjectPreset(c.kind, c.bucket, c.key); ok != c.want || ok != (preset == "nightly") {
			t.Errorf("%s %s %s: %q, %v, want %v", c.kind, c.bucket, c.key, preset, ok, c.want)
		}
	}
	if _, ok := mustLoad(t, base).ObjectPreset(envelope.OSS, "uploads", "ready/42.done"); ok {
		t.Error("a policy without objects names a preset")
	}
}

// TestWrongObjectsAreRefused proves that an entry that could never start a backup is a problem of the file.
func TestWrongObjectsAreRefused(t *testing.T) {
	const good = `{event: oss, bucket: uploads, prefix: ready/, preset: nightly}`
	for name, c := range map[string]struct{ entries, want string }{
		"another kind":              {strings.Replace(good, "oss", "timer", 1), `objects[0].event: "timer" is not a known value: use one of oss, s3`},
		"no such preset":            {strings.Replace(good, "nightly", "nigthly", 1), `there is no preset "nigthly"`},
		"a preset without values":   {strings.Replace(good, "nightly", "weeks", 1), `the preset "weeks" has no Account`},
		"a preset without cluster":  {strings.Replace(good, "nightly", "volumes", 1), `the preset "volumes" has no ContainerClusterId`},
		"an ARN instead of a name":  {strings.Replace(good, "uploads", "acs:oss:cn-hangzhou:1:uploads", 1), "the name of a bucket"},
		"no prefix":                 {strings.Replace(good, "prefix: ready/, ", "", 1), "objects[0].prefix: is missing"},
		"an empty prefix":           {strings.Replace(good, "ready/", `""`, 1), "objects[0].prefix: is empty"},
		"an entry that is hidden":   {good + "\n  - {event: oss, bucket: uploads, prefix: ready/a, suffix: .done, preset: nightly}", "objects[1]: has no effect"},
		"more entries than allowed": {strings.Repeat(good+"\n  - ", 100) + good, "has 101 entries"},
	} {
		if _, err := Load([]byte(withObjects(c.entries)), receiverEnvironment); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestObjectsExampleLoads proves that the entry in the example file, which is a comment, is valid.
func TestObjectsExampleLoads(t *testing.T) {
	text := readFile(t, "../../docs/policy.example.yaml")
	before, rest, ok := strings.Cut(text, "# objects:\n")
	entry, after, _ := strings.Cut(rest, "\n\n")
	if !ok {
		t.Fatal("the example has no objects")
	}
	entry = strings.TrimPrefix(strings.ReplaceAll("\n"+entry, "\n# ", "\n"), "\n")
	p, err := Load([]byte(before+"objects:\n"+entry+"\n\n"+after), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	if preset, ok := p.ObjectPreset(envelope.OSS, "release-uploads", "ready/42.done"); !ok || preset != "nightly" {
		t.Errorf("preset %q", preset)
	}
}
