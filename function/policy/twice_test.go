package policy

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"backupportal/function/backup"
)

// The policy a second time, written from the text alone and as plainly as can
// be: the library's own decoder into structs, nested loops, no early end.

type plainPolicy struct {
	Version  int            `yaml:"version"`
	Enabled  bool           `yaml:"enabled"`
	Accounts []plainAccount `yaml:"accounts"`
	Rules    []plainRule    `yaml:"rules,omitempty"`

	Notifications any `yaml:"notifications,omitempty"` // decide nothing
}

type plainAccount struct {
	Alias      string   `yaml:"alias"`
	Enabled    bool     `yaml:"enabled"`
	AccountID  string   `yaml:"account_id"`
	Access     string   `yaml:"access"`
	Role       string   `yaml:"role,omitempty"`
	ExternalID string   `yaml:"external_id_env,omitempty"`
	Regions    []string `yaml:"regions"`
}

type plainRule struct {
	ID          string            `yaml:"id"`
	Reason      map[string]string `yaml:"reason,omitempty"`
	Owner       string            `yaml:"owner,omitempty"`
	Accounts    []string          `yaml:"accounts"`
	Regions     []string          `yaml:"regions"`
	Sources     []string          `yaml:"source_types"`
	Instances   []string          `yaml:"instances,omitempty"`
	AnyInstance bool              `yaml:"any_instance,omitempty"`
	Clusters    []string          `yaml:"clusters,omitempty"`
	AnyCluster  bool              `yaml:"any_cluster,omitempty"`
	Retention   plainDays         `yaml:"retention_days"`
	Copy        *plainCopy        `yaml:"copy,omitempty"`
	Scripts     []string          `yaml:"scripts,omitempty"`
}

type plainCopy struct {
	Regions   []string  `yaml:"regions"`
	Retention plainDays `yaml:"retention_days"`
}

type plainDays struct {
	Min int `yaml:"min"`
	Max int `yaml:"max"`
}

func (d plainDays) holds(value string) bool {
	n, err := strconv.Atoi(value)
	return err == nil && !(n < d.Min) && !(n > d.Max)
}

func in(value string, list []string) bool {
	found := false
	for _, s := range list {
		if s == value {
			found = true
		}
	}
	return found
}

// conditions are those of a rule in their order, each with the field to blame.
func (r plainRule) conditions(p backup.Params) (fields []string, holds []bool) {
	add := func(field string, ok bool) { fields, holds = append(fields, field), append(holds, ok) }
	add("Account", in(p["Account"], r.Accounts))
	add("Region", in(p["Region"], r.Regions))
	add("SourceType", in(p["SourceType"], r.Sources))
	if p["SourceType"] == "CONTAINER" {
		add("ContainerClusterId", p["ContainerClusterId"] != "" && (r.AnyCluster || in(p["ContainerClusterId"], r.Clusters)))
	} else {
		add("InstanceId", p["InstanceId"] != "" && (r.AnyInstance || in(p["InstanceId"], r.Instances)))
	}
	add("Retention", r.Retention.holds(p["Retention"]))
	if p["Detail.doCopy"] == "true" {
		add("Detail.doCopy", r.Copy != nil)
		add("Detail.destinationRegionId", r.Copy != nil && in(p["Detail.destinationRegionId"], r.Copy.Regions))
		add("Detail.destinationRetention", r.Copy != nil && r.Copy.Retention.holds(p["Detail.destinationRetention"]))
	}
	add("Detail.preScriptPath", p["Detail.preScriptPath"] == "" || in(p["Detail.preScriptPath"], r.Scripts))
	add("Detail.postScriptPath", p["Detail.postScriptPath"] == "" || in(p["Detail.postScriptPath"], r.Scripts))
	return fields, holds
}

// decide gives the rule that allows p, or the fields of the mistakes.
func (x plainPolicy) decide(p backup.Params) (rule, blamed string) {
	if !x.Enabled {
		return "", ""
	}
	known, enabled, region := false, false, false
	for _, a := range x.Accounts {
		if a.Alias == p["Account"] {
			known, enabled, region = true, a.Enabled, in(p["Region"], a.Regions)
		}
	}
	if !known || !enabled {
		return "", "Account"
	}
	if !region {
		return "", "Region"
	}
	var lines []string
	for _, r := range x.Rules {
		fields, holds := r.conditions(p)
		first := ""
		for i := len(fields) - 1; i >= 0; i-- {
			if !holds[i] {
				first = fields[i]
			}
		}
		if first == "" && rule == "" {
			rule = r.ID
		}
		lines = append(lines, first)
	}
	if rule != "" {
		return rule, ""
	}
	return "", strings.Join(lines, " ")
}

// view reports whether p may be seen.
func (x plainPolicy) view(p backup.Params) bool {
	may := false
	for _, a := range x.Accounts {
		for _, r := range x.Rules {
			_, holds := r.conditions(p)
			if a.Alias == p["Account"] && in(p["Region"], a.Regions) && holds[0] && holds[1] && holds[2] && holds[3] {
				may = true
			}
		}
	}
	return may
}

// The small alphabet from which policies and requests are drawn.
var (
	someAliases   = []string{"one", "two"}
	someRegions   = []string{"cn-hangzhou", "cn-shanghai"}
	someSources   = []string{"UDM_ECS", "ECS_FILE", "CONTAINER"}
	someInstances = []string{"i-a", "i-b", "i-c"}
	someClusters  = []string{"cc-a", "cc-b"}
	someScripts   = []string{"/a", "/b"}
)

func someOf(t *rapid.T, label string, from []string) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, len(from), rapid.ID[string]).Draw(t, label)
}

func someDays(t *rapid.T, label string) plainDays {
	least := rapid.IntRange(1, 3).Draw(t, label)
	return plainDays{least, least + rapid.IntRange(0, 2).Draw(t, label)}
}

// mostly is true four times out of five.
func mostly(t *rapid.T, label string) bool { return rapid.IntRange(0, 4).Draw(t, label) > 0 }

func drawPolicy(t *rapid.T) plainPolicy {
	x := plainPolicy{Version: 1, Enabled: rapid.IntRange(0, 19).Draw(t, "switch") > 0}
	for i, alias := range someAliases {
		x.Accounts = append(x.Accounts, plainAccount{
			Alias: alias, Enabled: mostly(t, "account enabled"), AccountID: fmt.Sprintf("%016d", i), Access: "own",
			Regions: someOf(t, "account regions", someRegions),
		})
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "rules") {
		x.Rules = append(x.Rules, drawRule(t, x, fmt.Sprintf("r%d", i)))
	}
	return x
}

func drawRule(t *rapid.T, x plainPolicy, id string) plainRule {
	r := plainRule{
		ID: id, Accounts: someOf(t, "accounts", someAliases), Sources: someOf(t, "sources", someSources),
		Retention: someDays(t, "retention"),
	}
	var regions []string
	for _, a := range x.Accounts {
		if in(a.Alias, r.Accounts) {
			regions = append(regions, a.Regions...)
		}
	}
	r.Regions = someOf(t, "regions", regions[:1+rapid.IntRange(0, len(regions)-1).Draw(t, "first regions")])
	if in("UDM_ECS", r.Sources) || in("ECS_FILE", r.Sources) {
		if r.AnyInstance = rapid.Bool().Draw(t, "any instance"); !r.AnyInstance {
			r.Instances = someOf(t, "instances", someInstances)
		}
	}
	if in("CONTAINER", r.Sources) {
		if r.AnyCluster = rapid.Bool().Draw(t, "any cluster"); !r.AnyCluster {
			r.Clusters = someOf(t, "clusters", someClusters)
		}
	}
	if rapid.Bool().Draw(t, "copy") {
		r.Copy = &plainCopy{someOf(t, "copy regions", someRegions), someDays(t, "copy retention")}
	}
	if rapid.Bool().Draw(t, "scripts") {
		r.Scripts = someOf(t, "script list", someScripts)
	}
	return r
}

// drawAllowed builds a request that r allows, if its account does.
func drawAllowed(t *rapid.T, r plainRule) backup.Params {
	pick := func(list []string) string { return rapid.SampledFrom(list).Draw(t, "pick") }
	within := func(d plainDays) string { return strconv.Itoa(rapid.IntRange(d.Min, d.Max).Draw(t, "days")) }
	p := backup.Params{
		"Account": pick(r.Accounts), "Region": pick(r.Regions), "SourceType": pick(r.Sources), "Retention": within(r.Retention),
	}
	switch {
	case p["SourceType"] == "CONTAINER":
		p["ContainerClusterId"] = pick(append(r.Clusters, someClusters[:btoi(r.AnyCluster)]...))
	default:
		p["InstanceId"] = pick(append(r.Instances, someInstances[:btoi(r.AnyInstance)]...))
	}
	if r.Copy != nil && rapid.Bool().Draw(t, "do copy") {
		p["Detail.doCopy"] = "true"
		p["Detail.destinationRegionId"] = pick(r.Copy.Regions)
		p["Detail.destinationRetention"] = within(r.Copy.Retention)
	}
	if r.Scripts != nil && rapid.Bool().Draw(t, "do scripts") {
		p["Detail.preScriptPath"], p["Detail.postScriptPath"] = pick(r.Scripts), pick(r.Scripts)
	}
	return p
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// drawRequest changes at most one field of a request that some rule allows.
func drawRequest(t *rapid.T, x plainPolicy) backup.Params {
	anything := map[string][]string{
		"Account": {"one", "two", "three"}, "Region": {"cn-hangzhou", "cn-shanghai", "cn-beijing"}, "SourceType": someSources,
		"InstanceId": someInstances, "ContainerClusterId": someClusters, "Retention": {"0", "1", "2", "3", "4", "5", "6", ""},
		"Detail.destinationRetention": {"0", "1", "2", "3", "4", "5", "6", ""}, "Detail.destinationRegionId": someRegions,
		"Detail.preScriptPath": {"/a", "/b", "/a/", "/A"}, "Detail.postScriptPath": {"/a", "/b", "//a", "/c"}, "Detail.doCopy": {"true"},
	}
	names := []string{
		"Account", "Region", "SourceType", "InstanceId", "ContainerClusterId", "Retention", "Detail.destinationRetention",
		"Detail.destinationRegionId", "Detail.preScriptPath", "Detail.postScriptPath", "Detail.doCopy",
	}
	p := backup.Params{}
	if len(x.Rules) > 0 && mostly(t, "near a rule") {
		p = drawAllowed(t, rapid.SampledFrom(x.Rules).Draw(t, "rule"))
		names = []string{rapid.SampledFrom(append(names, "", "", "", "", "", "", "", "")).Draw(t, "changed")}
	}
	for _, name := range names {
		if name != "" {
			p[name] = rapid.SampledFrom(anything[name]).Draw(t, name)
		}
	}
	if p["Detail.doCopy"] == "" { // a copy without doCopy is not a request that passes the domain's checks
		delete(p, "Detail.destinationRegionId")
		delete(p, "Detail.destinationRetention")
	}
	return p
}

func TestDecideTwice(t *testing.T) {
	var asked, allowed int
	rapid.Check(t, func(t *rapid.T) {
		drawn := drawPolicy(t)
		text, err := yaml.Marshal(drawn)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Load(text, environment)
		if err != nil {
			t.Fatalf("%s\n%v", text, err)
		}
		x := plainly(t, text)
		for range 20 {
			params := drawRequest(t, x)
			wantRule, wantFields := x.decide(params)
			grant, denied := p.Decide(backup.Principal{}, params)
			fields := make([]string, len(denied))
			for i, m := range denied {
				fields[i] = m.Field
			}
			if grant.Rule != wantRule || strings.Join(fields, " ") != wantFields || (grant.Rule == "") != (len(denied) > 0) {
				t.Fatalf("%v\n%s got %q %v\nwant %q %v", params, text, grant.Rule, fields, wantRule, wantFields)
			}
			if got, want := p.MayView(backup.Principal{}, params), x.view(params); got != want {
				t.Fatalf("%v\n%s MayView: %v, want %v", params, text, got, want)
			}
			asked, allowed = asked+1, allowed+btoi(grant.Rule != "")
		}
	})
	if share := 100 * allowed / max(asked, 1); share < 10 || share > 90 {
		t.Errorf("%d of %d requests were allowed: too few or too many to mean something", allowed, asked)
	} else {
		t.Logf("%d of %d requests were allowed", allowed, asked)
	}
}

// plainly decodes text with the library, which refuses unknown and repeated keys.
func plainly(t interface{ Fatalf(string, ...any) }, text []byte) plainPolicy {
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	var x plainPolicy
	if err := d.Decode(&x); err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return x
}
