package policy

import (
	"slices"
	"strings"
	"testing"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// withPresets is the test policy base with presets: each has a name and values.
func withPresets(pairs ...string) string {
	text := base + "presets:\n"
	for i := 0; i < len(pairs); i += 2 {
		text += "  - name: " + pairs[i] + "\n    title: {en: Title, zh: 标题}\n    description: {en: What it does., zh: 说明。}\n    values: " + pairs[i+1] + "\n"
	}
	return text
}

// presetNames returns the names of the given presets, for comparisons.
func presetNames(all []backup.Preset) string {
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	return strings.Join(names, " ")
}

// TestPresetsFollowTheRules proves that a preset is offered to a person if and only if a rule
// for this person allows its values. If an instance is given, the rule must also allow this
// instance.
func TestPresetsFollowTheRules(t *testing.T) {
	p := mustLoad(t, withPresets(
		"weeks", `{Retention: "14"}`,
		"files", `{SourceType: ECS_FILE, Retention: "7"}`,
		"long", `{Retention: "31"}`,
		"elsewhere", `{SourceType: ECS_FILE, Account: idle, Region: cn-beijing}`,
		"other", `{InstanceId: i-db1}`,
		"copied", `{Detail.doCopy: "true", Detail.destinationRegionId: cn-shanghai, Detail.destinationRetention: "20"}`,
		"copied-long", `{Detail.doCopy: "true", Detail.destinationRetention: "21"}`,
		"paused", `{Detail.appConsistent: "true", Detail.preScriptPath: /opt/backup/pre.sh, Detail.postScriptPath: /opt/x.sh}`,
		"noted", `{Account: prod, Reason: Release, Ticket: OPS-1}`,
	))
	if got, want := presetNames(p.Presets(alice)), "weeks files copied noted"; got != want {
		t.Errorf("presets %q, want %q", got, want)
	}
	if got := p.Presets(identity.Principal{Kind: identity.KindHuman, Subject: "stranger"}); got != nil {
		t.Errorf("a stranger sees %v", presetNames(got))
	}
	if got, want := strings.Join(p.HiddenPresets(), " "), "long elsewhere other copied-long paused"; got != want {
		t.Errorf("hidden %q, want %q", got, want)
	}
	for _, c := range []struct {
		account, instance, want string
	}{
		{"prod", "i-web1", "weeks copied noted"},
		{"prod", "i-db1", ""},
		{"sandbox", "i-any", "files"},
	} {
		given := param.Params{"Account": c.account, "Region": "cn-hangzhou", "InstanceId": c.instance}
		if got := presetNames(p.PresetsFor(alice, given, nil)); got != c.want {
			t.Errorf("%s in %s: presets %q, want %q", c.instance, c.account, got, c.want)
		}
	}
	off := mustLoad(t, change(t, withPresets("weeks", `{Retention: "14"}`), "version: 1\nenabled: true", "version: 1\nenabled: false"))
	if got := off.Presets(alice); got != nil {
		t.Errorf("with the switch off: %v", presetNames(got))
	}
}

// TestPresetsWithTicketsAndTags proves that a preset is offered although the rule requires a
// ticket or has tags: both can be decided only later. For a given instance, its tags decide.
func TestPresetsWithTicketsAndTags(t *testing.T) {
	text := withPresets("weeks", `{Retention: "14"}`)
	text = change(t, text, "    owner: platform team\n", "    owner: platform team\n    why: required\n    ticket: {pattern: \"OPS-[0-9]+\", required: true}\n")
	text = change(t, text, "instances: [i-web1, i-web2]", "instance_tags: {team: web}")
	p := mustLoad(t, text)
	if got := presetNames(p.Presets(alice)); got != "weeks" {
		t.Errorf("presets %q", got)
	}
	given := param.Params{"Account": "prod", "Region": "cn-hangzhou", "InstanceId": "i-1"}
	for _, c := range []struct {
		tags map[string]string
		want string
	}{
		{nil, "weeks"},
		{map[string]string{}, ""},
		{map[string]string{"team": "web"}, "weeks"},
		{map[string]string{"team": "data"}, ""},
	} {
		if got := presetNames(p.PresetsFor(alice, given, c.tags)); got != c.want {
			t.Errorf("tags %v: presets %q, want %q", c.tags, got, c.want)
		}
	}
}

// TestPresetIsRead proves that a preset always has a source type, and that its sentences have
// no full stop.
func TestPresetIsRead(t *testing.T) {
	p := mustLoad(t, withPresets("weeks", `{Retention: "14"}`)).presets[0]
	if p.Values["SourceType"] != "UDM_ECS" || p.Values["Retention"] != "14" || p.Title.Zh != "标题" || p.Description.En != "What it does" || p.Description.Zh != "说明" {
		t.Errorf("%+v", p)
	}
}

// TestPresetMistakesAreNamed proves that each mistake in a preset is reported with its position
// in the policy file.
func TestPresetMistakesAreNamed(t *testing.T) {
	for _, c := range []struct{ name, values, path, text string }{
		{"a name", `{Retention: "7"}`, "presets[0].name", "is not valid"},
		{"p", `{}`, "presets[0].values", "is empty"},
		{"p", `{Retention: 7}`, `presets[0].values."Retention"`, "put it in quotes"},
		{"p", `{Retention: "0"}`, `presets[0].values."Retention"`, "must be between 1"},
		{"p", `{Days: "7"}`, `presets[0].values."Days"`, "is not a known key here"},
		{"p", `{Preset: other}`, `presets[0].values."Preset"`, "is not a known key here"},
		{"p", `{CrossAccountType: CROSS_ACCOUNT}`, `presets[0].values."CrossAccountType"`, "is not a known key here"},
		{"p", `{VaultId: v-1}`, `presets[0].values."VaultId"`, "does not apply to"},
		{"p", `{Account: nowhere}`, `presets[0].values."Account"`, `the account "nowhere" does not exist`},
		{"p", `{Account: prod, Region: cn-beijing}`, `presets[0].values."Region"`, "no account of this rule has region"},
		{"p", `{Detail.destinationRegionId: cn-shanghai}`, `presets[0].values."Detail.destinationRegionId"`, `has no effect without Detail.doCopy: "true"`},
		{"p", `{Region: cn-shanghai, Detail.doCopy: "true", Detail.destinationRegionId: cn-shanghai}`, `presets[0].values."Detail.destinationRegionId"`, "must differ from the region"},
		{"p", `{SourceType: ECS_FILE, SpeedLimit: fast}`, `presets[0].values."SpeedLimit"`, "Each limit must be"},
	} {
		_, err := Load([]byte(withPresets(c.name, c.values)), environment)
		problems, _ := err.(LoadError)
		if !slices.ContainsFunc(problems, func(p Problem) bool {
			return p.Path == c.path && strings.Contains(p.Text, c.text) && p.Line > strings.Count(base, "\n")
		}) {
			t.Errorf("%s: %v, want %s: %s", c.values, err, c.path, c.text)
		}
	}
	for text, want := range map[string]string{
		withPresets("p", `{Retention: "7"}`, "p", `{Retention: "8"}`):                           `presets[1].name: another preset has the name "p"`,
		withPresets(slices.Repeat([]string{"p", `{Retention: "7"}`}, maxPresets+1)...):          "presets: has 21 presets: write at most 20",
		change(t, withPresets("p", `{Retention: "7"}`), "    title: {en: Title, zh: 标题}\n", ""): "presets[0].title: is missing",
	} {
		if _, err := Load([]byte(text), environment); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestWebhookTemplateNamesAPreset proves that the template of a webhook can use a preset, and
// that the preset may have the account and the region.
func TestWebhookTemplateNamesAPreset(t *testing.T) {
	hook := "sources:\n  - name: alerts\n    kind: bearer\n    keys: [{id: t1, sha256: \"" + strings.Repeat("a", 64) + "\", not_after: \"2099-01-01T00:00:00Z\"}]\n    submission: "
	presets := withPresets("p", `{Account: prod, Region: cn-hangzhou, Retention: "7"}`, "q", `{Retention: "7"}`)
	for submission, want := range map[string]string{
		"{Preset: p, InstanceId: i-web1}":                  "",
		"{Preset: {pointer: /preset}, InstanceId: i-web1}": "",
		"{Preset: q, InstanceId: i-web1}":                  "Account\": is missing",
		"{Preset: r, Account: prod, Region: cn-hangzhou}":  `there is no preset "r"`,
	} {
		_, err := Load([]byte(presets+hook+submission+"\n"), environment)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", submission, err, want)
		}
	}
}
