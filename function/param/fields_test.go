package param

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// vendor lists the parameters of CreateBackupJob and the keys of Detail with their types,
// as the API page does. It is written independently of Fields, to check that table.
var vendor = map[string]string{
	"SourceType": "string", "JobName": "string", "Retention": "integer", "InstanceId": "string",
	"Detail": "object", "BackupType": "string", "VaultId": "string", "SpeedLimit": "string",
	"Options": "string", "Include": "string", "Exclude": "string", "ClusterId": "string",
	"ContainerResources": "string", "InitiatedByAck": "boolean", "ContainerClusterId": "string",
	"CrossAccountType": "string", "CrossAccountUserId": "integer", "CrossAccountRoleName": "string",

	"Detail.doCopy": "boolean", "Detail.destinationRegionId": "string", "Detail.destinationRetention": "integer",
	"Detail.diskIdList": "array", "Detail.snapshotGroup": "boolean", "Detail.appConsistent": "boolean",
	"Detail.preScriptPath": "string", "Detail.postScriptPath": "string", "Detail.enableWriters": "boolean",
	"Detail.enableFsFreeze": "boolean", "Detail.timeoutInSeconds": "integer",
	"Options.UseVSS": "boolean",
}

func TestFieldsMatchTheAPIPage(t *testing.T) {
	parameters, keys := map[string]bool{}, 0
	for _, f := range Fields {
		if f.Ours {
			continue
		}
		want, ok := vendor[f.Name]
		if !ok {
			t.Errorf("%s is none of the vendor's", f.Name)
		}
		if got := vendorType(f); got != want && !(want == "string" && (f.Type == Strings || f.Type == Objects)) {
			t.Errorf("%s is %s, the vendor says %s", f.Name, got, want)
		}
		object, _, nested := strings.Cut(f.Name, ".")
		parameters[object] = true
		if nested && object == "Detail" {
			keys++
		}
	}
	if len(parameters) != 18 || keys != 11 {
		t.Errorf("the table has %d parameters and %d keys of Detail, want 18 and 11", len(parameters), keys)
	}
}

func vendorType(f Field) string {
	switch {
	case f.Name == "CrossAccountUserId":
		return "integer" // a String in Fields: it may exceed 2^53
	case f.Type == Integer:
		return "integer"
	case f.Type == Boolean:
		return "boolean"
	case f.Type == Strings || f.Type == Objects:
		return "array"
	}
	return "string"
}

func TestExamplesAndDefaultsPassCheck(t *testing.T) {
	for _, f := range Fields {
		if f.Example == "" {
			t.Errorf("%s has no example", f.Name)
		}
		for _, value := range []string{f.Example, f.Default} {
			for _, m := range f.Check(value) {
				t.Errorf("%s: %q: %s", f.Name, value, m.In(English))
			}
		}
	}
}

func TestTextsAreBilingual(t *testing.T) {
	han := regexp.MustCompile(`\p{Han}`)
	check := func(what string, text Text, needed bool) {
		t.Helper()
		if (text.En == "") != (text.Zh == "") || needed && text.En == "" {
			t.Errorf("%s: %q, %q", what, text.En, text.Zh)
		}
		if text.Zh != "" && !han.MatchString(text.Zh) {
			t.Errorf("%s: %q is not Chinese", what, text.Zh)
		}
	}
	for _, f := range Fields {
		check(f.Name, f.Label, true)
		check(f.Name, f.Object, true)
		check(f.Name, f.Help, false)
		check(f.Name, f.Unit, false)
		check(f.Name, f.Shape, f.Pattern != "")
		for _, c := range f.Enum {
			check(f.Name+" "+c.Value, c.Label, true)
			check(f.Name+" "+c.Value, c.Help, false)
		}
	}
	for _, r := range Regions {
		check(r.ID, r.Name, true)
	}
}

func TestFieldsAreWellFormed(t *testing.T) {
	var seen []string
	for _, f := range Fields {
		if slices.Contains(seen, f.Name) {
			t.Errorf("%s is there twice", f.Name)
		}
		if f.Under.Name != "" && !slices.Contains(seen, f.Under.Name) {
			t.Errorf("%s stands before %s, on which it depends: defaults are filled in table order", f.Name, f.Under.Name)
		}
		for _, s := range f.Required {
			if !f.ForSource(s) {
				t.Errorf("%s is required for %s, to which it does not apply", f.Name, s)
			}
		}
		if f.Type == Integer && f.Maximum <= f.Minimum {
			t.Errorf("%s has no bounds", f.Name)
		}
		seen = append(seen, f.Name)
	}
}
