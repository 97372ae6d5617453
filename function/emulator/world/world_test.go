package world

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"backupportal/function/emulator/ram"
)

// smallWorld is a valid world file that has only the required fields.
const smallWorld = `
regions: [cn-hangzhou]
job_duration: 90s
accounts:
  - id: "1000000000000001"
    users:
      - name: portal
        access_keys: [{id: key, secret: hush}]
        permissions: [{effect: Allow, actions: ["hbr:*"]}]
    instances:
      - id: i-bp1web01
        region: cn-hangzhou
        os: linux
        disks: [{id: d-bp1web01a, category: cloud_essd, type: system, gib: 40}]
`

func TestWorldFileLoads(t *testing.T) {
	got, err := Load(strings.NewReader(smallWorld))
	if err != nil {
		t.Fatal(err)
	}
	want := &World{Regions: []string{"cn-hangzhou"}, JobDuration: 90 * time.Second, Accounts: []Account{{
		ID: "1000000000000001",
		Users: []User{{Name: "portal", AccessKeys: []AccessKey{{"key", "hush"}},
			Permissions: []ram.Statement{{Effect: "Allow", Actions: []string{"hbr:*"}}}}},
		Instances: []Instance{{ID: "i-bp1web01", Region: "cn-hangzhou", OS: "linux",
			Disks: []Disk{{ID: "d-bp1web01a", Category: "cloud_essd", Type: "system", GiB: 40}}}},
	}}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(ram.Statement{})); diff != "" {
		t.Errorf("world (-want +got):\n%s", diff)
	}
}

func TestWorldFileRefusesInvalidInput(t *testing.T) {
	change := func(old, new string) string {
		if !strings.Contains(smallWorld, old) {
			t.Fatalf("%q is not in the world", old)
		}
		return strings.Replace(smallWorld, old, new, 1)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "the file is empty"},
		{"nothing but a comment", "# later\n", "the file is empty"},
		{"unknown key", change("os: linux", "os: linux\n        colour: red"), "colour"},
		{"repeated key", change("os: linux", "os: linux\n        os: linux"), "already defined"},
		{"second document", smallWorld + "---\nregions: []\n", "more than one document"},
		{"anchor", change("[cn-hangzhou]", "&r [cn-hangzhou]"), "line 2: anchors"},
		{"tag", change(`"1000000000000001"`, `!!str 1000000000000001`), "line 5: tags"},
		{"missing value", change("os: linux", "os:"), "a value is missing"},
		{"too large", strings.Repeat("#", maxFile+1), "larger than 1 MiB"},
		{"duration without a unit", change("90s", "90"), "time.Duration"},
		{"negative duration", change("90s", "-1s"), "negative"},
		{"no regions", change("[cn-hangzhou]", "[]"), "at least one region"},
		{"region of no form", change("[cn-hangzhou]", "[hangzhou.example.com]"), "not a region id"},
		{"misspelt region", change("[cn-hangzhou]", "[cn-hangzou]"), `regions: "cn-hangzou" is not a region id`},
		{"region that is not listed", change("region: cn-hangzhou", "region: cn-shanghai"), "not among the regions"},
		{"short account id", change("1000000000000001", "1000"), "16 digits"},
		{"key without a secret", change("secret: hush", `secret: ""`), "needs a secret"},
		{"key like a temporary one", change("id: key", "id: STS.key"), "STS."},
		{"unknown effect", change("effect: Allow", "effect: allow"), "neither Allow nor Deny"},
		{"action of no form", change(`["hbr:*"]`, "[everything]"), "product:Operation"},
		{"unknown os", change("os: linux", "os: plan9"), "neither linux nor windows"},
		{"instance without disks", change("[{id: d-bp1web01a, category: cloud_essd, type: system, gib: 40}]", "[]"), "no disks"},
		{"disk without a size", change("gib: 40", "gib: 0"), "needs a category, a size"},
		{"instance id of no form", change("i-bp1web01", "web01"), "not of the form i-"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(strings.NewReader(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want something about %q", err, tt.want)
			}
		})
	}
}

// TestCheckReportsUnknownNames proves that Check reports a reference to a resource, user or
// role that the world does not have, even if the name is well-formed.
func TestCheckReportsUnknownNames(t *testing.T) {
	const role = "acs:ram::2000000000000002:role/backup-operator"
	trusts := func(arn string) func(*World) { return func(w *World) { w.Accounts[1].Roles[0].Trusts = []string{arn} } }
	setPermissions := func(all ...ram.Statement) func(*World) {
		return func(w *World) { w.Accounts[0].Users[0].Permissions = all }
	}
	action := func(a string) func(*World) {
		return setPermissions(ram.Statement{Effect: "Allow", Actions: []string{a}})
	}
	const user = "acs:ram::1000000000000001:user/portal: permissions: statement "
	for _, tt := range []struct {
		name   string
		change func(*World)
		want   []string // substrings of the error that Check returns; nil: Check returns no error
	}{
		{"user", trusts("acs:ram::1000000000000001:user/Portal"), nil},
		{"no user", trusts("acs:ram::1000000000000001:user/portla"), []string{role + `: trusts: account 1000000000000001 has no user "portla"`}},
		{"role", trusts("acs:ram::1000000000000001:role/" + hbrEcsRole), nil},
		{"no role", trusts("acs:ram::1000000000000001:role/portla"), []string{`has no role "portla"`}},
		{"root", trusts("acs:ram::1000000000000001:root"), nil},
		{"account elsewhere", trusts("acs:ram::3000000000000003:user/anybody"), nil},
		{"no user in a trust policy", func(w *World) {
			w.Accounts[1].Roles = append(w.Accounts[1].Roles, Role{Name: "narrow", TrustPolicy: ram.Policy{{Effect: "Allow", Actions: []string{"sts:AssumeRole"},
				Principals: ram.Principals{RAM: []string{"acs:ram::1000000000000001:user/portla"}}}}})
		}, []string{`role/narrow: trust_policy: account 1000000000000001 has no user "portla"`}},
		{"no cross account", func(w *World) { w.Accounts[0].CrossAccounts[0].Account = "2000000000000003" },
			[]string{`account 1000000000000001: cross account "2000000000000003" is not an account of this world`}},
		{"no action", action("hbr:CreateBackupJobs"), []string{user + `1: there is no action "hbr:CreateBackupJobs"`}},
		{"no action of sts", action("sts:AssumRole"), []string{`"sts:AssumRole"`}},
		{"action in another case", action("hbr:createbackupjob"), nil},
		{"wildcard", action("hbr:Creat*"), nil},
		{"product that is not here", action("oss:GetObjekt"), nil},
		{"linked role", action("ram:CreateServiceLinkedRole"), nil},
		{"all at once", setPermissions(ram.Statement{Effect: "allow", Actions: []string{"everything", "ecs:X"}}, ram.Statement{Effect: "Deny"}), []string{
			user + `1: effect "allow"`, user + `1: action "everything"`, user + `1: there is no action "ecs:X"`, user + "2: a statement has at least one action"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := Demo()
			tt.change(w)
			err := w.Check()
			if (err == nil) != (tt.want == nil) {
				t.Fatalf("got %v", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q:\n%v", want, err)
				}
			}
		})
	}
}

func TestDemoWorldMatchesManual(t *testing.T) {
	manual, err := os.ReadFile("../../../docs/emulator.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(manual), "## The demo world")
	section, _, _ := strings.Cut(rest, "\n## ")
	ids := map[string]bool{}
	for _, a := range Demo().Accounts {
		ids[a.ID] = true
		for _, i := range a.Instances {
			ids[i.ID] = true
		}
		for _, v := range a.Vaults {
			ids[v.ID] = true
		}
		for _, cl := range a.Clusters {
			ids[cl.ID], ids[cl.GroupID] = true, true
		}
	}
	for id := range ids {
		if !strings.Contains(section, id) {
			t.Errorf("the manual does not name %s", id)
		}
	}
	for _, id := range regexp.MustCompile(`\b(i|v|cc|cl)-[a-z0-9]{8,}`).FindAllString(section, -1) {
		if !ids[id] {
			t.Errorf("the manual names %s, which is not there", id)
		}
	}
	if a, b := Demo(), Demo(); &a.Accounts[0] == &b.Accounts[0] {
		t.Error("two demo worlds are one")
	}
}

// TestManualWorldFileLoads proves that the world file in docs/emulator.md is valid.
func TestManualWorldFileLoads(t *testing.T) {
	manual, err := os.ReadFile("../../../docs/emulator.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(manual), "```yaml\n")
	text, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the manual shows no world file")
	}
	if _, err := Load(strings.NewReader(text)); err != nil {
		t.Error(err)
	}
}
