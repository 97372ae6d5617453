package param

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestNotes proves that Notes returns one sentence for each value that is sent differently from
// what the caller wrote, and none for other values.
func TestNotes(t *testing.T) {
	detail := Params{"Detail.timeoutInSeconds": "60", "Detail.enableFsFreeze": "true", "Detail.enableWriters": "true"}
	for name, c := range map[string]struct {
		given Params
		want  []string
	}{
		"the vendor's Detail": {detail, []string{
			"Detail.timeoutInSeconds was ignored: it applies only if Detail.appConsistent is true",
		}},
		"what belongs to a copy": {
			Params{"Detail.doCopy": "false", "Detail.destinationRegionId": "cn-x", "Detail.destinationRetention": "0"},
			[]string{
				"Detail.destinationRegionId was ignored: it applies only if Detail.doCopy is true",
				"Detail.destinationRetention was ignored: it applies only if Detail.doCopy is true",
			},
		},
		"scripts":             {Params{"Detail.preScriptPath": "x"}, []string{"Detail.preScriptPath was ignored: it applies only if Detail.appConsistent is true"}},
		"a switch that is on": {Params{"Detail.appConsistent": "true", "Detail.timeoutInSeconds": "60"}, nil},
		"the vendor's Detail with files": {
			Params{"SourceType": "ECS_FILE", "Detail.timeoutInSeconds": "60", "Detail.enableFsFreeze": "true", "Detail.appConsistent": "false"},
			[]string{"Detail.timeoutInSeconds was ignored: it does not apply to Files on an ECS instance"},
		},
		"over midnight": {Params{"SourceType": "ECS_FILE", "SpeedLimit": "22:6:5"}, []string{"SpeedLimit is sent as 22:24:5|0:6:5"}},
		"a name":        {Params{"JobName": "nightly"}, nil},
		"a name with blanks": {Params{"JobName": "before upgrade/2"}, []string{
			"JobName was changed to before-upgrade-2: it can contain only letters, digits, dots, underscores and hyphens, at most 37; the portal shows it as it was given",
		}},
		"blanks around a name": {Params{"JobName": " nightly\t"}, []string{
			"JobName was changed to nightly: it can contain only letters, digits, dots, underscores and hyphens, at most 37; the portal shows it as it was given",
		}},
		"a name of other letters": {Params{"JobName": "备份"}, []string{
			"JobName was ignored: it can contain only letters, digits, dots, underscores and hyphens; the portal shows it as it was given",
		}},
		"nothing": {nil, nil},
	} {
		var got []string
		for _, note := range Notes(c.given, c.given.WithDefaults()) {
			got = append(got, note.En)
			if note.Zh == "" || note.Zh == note.En || strings.Contains(note.Zh, "%!") {
				t.Errorf("%s: Chinese note %q", name, note.Zh)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// TestFitName proves that the result of FitName is always a valid JobName, and that a valid
// name is not changed.
func TestFitName(t *testing.T) {
	field, _ := FieldNamed("JobName")
	for name, want := range map[string]string{
		"":                      "",
		"nightly":               "nightly",
		"---":                   "---",
		"before upgrade":        "before-upgrade",
		" a/b:c ":               "a-b-c",
		"ｎｉｇｈｔｌｙ０１":             "nightly01",
		"升级":                    "",
		"db-升级":                 "db---",
		strings.Repeat("x", 40): strings.Repeat("x", 37),
		"a\x00\u202eb":          "a--b",
	} {
		got := FitName(name)
		if got != want || field.Check(got) != nil {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestPlainNumber(t *testing.T) {
	for text, want := range map[string]string{
		"30": "30", " 30 ": "30", "１５": "15", "　７\u00a0": "7", "1,000": "1000", "１，０００": "1000", "007": "7", "0": "0",
		"": "", "1.5": "1.5", "-1": "-1", "1e3": "1000", "15.0": "15", "1,5": "1,5", "1,0000": "1,0000",
		"٣": "٣", "１５天": "１５天", "NaN": "NaN", "0x10": "0x10", "1e400": "1e400",
	} {
		if got := PlainNumber(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestUnknownNamesAreHinted proves which known name is suggested for an unknown name, at the
// top level and inside Detail or Options.
func TestUnknownNamesAreHinted(t *testing.T) {
	for text, want := range map[string]string{
		`{"Detail":{"timeoutSeconds":30}}`:        "timeoutInSeconds",
		`{"Detail":{"EnableFsFreeze":true}}`:      "enableFsFreeze",
		`{"Detail":{"TimeoutInSeconds":30}}`:      "timeoutInSeconds",
		`{"Detail":{"DoCopy":true}}`:              "doCopy",
		`{"Detail":{"disk_id_list":[]}}`:          "diskIdList",
		`{"Detail":{"destinationRegion":"x"}}`:    "destinationRegionId",
		`{"Detail":"{\"preScript\":\"/a\"}"}`:     "preScriptPath",
		`{"Options":{"useVss":true}}`:             "UseVSS",
		`{"instanceId":"i-1"}`:                    "InstanceId",
		`{"retention_days":1}`:                    "Retention",
		`{"Detail":{"diskIds":[]}}`:               "diskIdList",
		`{"Detail":{"DISKS":[]}}`:                 "diskIdList",
		`{"Detail":{"copy":true}}`:                "doCopy",
		`{"Detail":{"region":"x"}}`:               "destinationRegionId",
		`{"Detail":{"freeze":true}}`:              "enableFsFreeze",
		`{"Detail":{"useVSS":true}}`:              "Options.UseVSS",
		`{"Options":{"vss":true}}`:                "UseVSS",
		`{"Options":{"enableVSS":true}}`:          "UseVSS",
		`{"Options":{"instanceId":"i-1"}}`:        "InstanceId",
		`{"Detail":{"copyRegion":"cn-x"}}`:        "destinationRegionId",
		`{"Detail":{"copy_retention":7}}`:         "destinationRetention",
		`{"Detail":{"FreezeTimeout":7}}`:          "timeoutInSeconds",
		`{"Detail":{"TimeOutInSecond":7}}`:        "timeoutInSeconds",
		`{"vss":true}`:                            "Options.UseVSS",
		`{"Days":1}`:                              "Retention",
		`{"paths":["/a"]}`:                        "Include",
		`{"Volumes":[]}`:                          "ContainerResources",
		`{"name":"x"}`:                            "JobName",
		`{"timeoutInSeconds":1}`:                  "Detail.timeoutInSeconds",
		`{"useVSS":true}`:                         "Options.UseVSS",
		`{"detail":{}}`:                           "Detail",
		`{"Regoin":"x"}`:                          "Region",
		`{"Detail":{"colour":1}}`:                 "",
		`{"Password":"x"}`:                        "",
		`{"` + strings.Repeat("a", 1000) + `":1}`: "",
	} {
		_, _, err := DecodeJSON([]byte(text))
		bad, _ := err.(InvalidError)
		if len(bad) != 1 || bad[0].Code != "unknown" {
			t.Errorf("%.60s: got %v", text, err)
			continue
		}
		for _, l := range []Language{English, Chinese} {
			said := bad[0].In(l)
			if want == "" && strings.ContainsAny(said, "?？") || !strings.Contains(said, want) {
				t.Errorf("%.60s: got %q, want the hint %q", text, said, want)
			}
		}
	}
}

// TestOwnNamesAreHinted proves that suggestions include the names that only the caller of
// DecodeJSON uses, such as an idempotency key.
func TestOwnNamesAreHinted(t *testing.T) {
	for name, want := range map[string]string{
		"dryRun": "dry_run", "DryRun": "dry_run", "dry-run": "dry_run", "Key": "key", "KEY": "key", "IdempotencyKey": "key", "Idempotency-Key": "key",
		"Regoin": "Region", "Retentions": "Retention",
	} {
		_, _, err := DecodeJSON([]byte(`{"`+name+`":"x"}`), "key", "dry_run")
		if bad, _ := err.(InvalidError); len(bad) != 1 || !strings.HasSuffix(bad[0].In(English), "did you mean "+want+"?") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBoundsHaveSources proves that each field with a bound or a pattern names the document
// from which the limit comes.
func TestBoundsHaveSources(t *testing.T) {
	for _, f := range Fields {
		bounds := fmt.Sprint(f.Pattern, f.MaxLength, f.MaxItems, f.Minimum, f.Maximum)
		if bounded := bounds != "0000" && bounds != "0 0 0 0"; bounded != (f.Source != "") {
			t.Errorf("%s: bounds %q, source %q", f.Name, bounds, f.Source)
		}
	}
}
