package policy

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// The types and functions below are a second implementation of the policy, for comparison with
// Decide and May. It is written only from the documentation and as simply as possible: with the
// decoder of the YAML library, nested loops and no index.

type plainPolicy struct {
	Version  int            `yaml:"version"`
	Enabled  bool           `yaml:"enabled"`
	Defaults *plainDefaults `yaml:"defaults,omitempty"`
	Accounts []plainAccount `yaml:"accounts"`
	Teams    []plainTeam    `yaml:"teams,omitempty"`
	Rules    []plainRule    `yaml:"rules,omitempty"`

	Tokens        any `yaml:"tokens,omitempty"`        // has no effect on decisions
	Sources       any `yaml:"sources,omitempty"`       // has no effect on decisions
	Pipelines     any `yaml:"pipelines,omitempty"`     // has no effect on decisions
	Operators     any `yaml:"operators,omitempty"`     // has no effect on decisions
	Notifications any `yaml:"notifications,omitempty"` // has no effect on decisions
	Prices        any `yaml:"prices,omitempty"`        // has no effect on decisions
	Presets       any `yaml:"presets,omitempty"`       // has no effect on decisions: the request already has their values
	Objects       any `yaml:"objects,omitempty"`       // has no effect on decisions: they name a preset
}

type plainDefaults struct {
	Cooldown string     `yaml:"cooldown,omitempty"`
	Rate     *plainRate `yaml:"rate,omitempty"`
	Requests *plainRate `yaml:"requests,omitempty"` // has no effect on decisions
}

type plainRate struct {
	Burst int    `yaml:"burst"`
	Per   string `yaml:"per"`
}

type plainTeam struct {
	Name    string              `yaml:"name"`
	Label   any                 `yaml:"display_name,omitempty"`
	Members []map[string]string `yaml:"members"`
	Daily   *int                `yaml:"daily_jobs,omitempty"`
}

// has reports whether p is a member of the team.
func (t plainTeam) has(p identity.Principal) bool {
	found := false
	for _, m := range t.Members {
		same := p.Kind == identity.KindHuman && p.Issuer == m["issuer"] && m["issuer"] != "" && p.Subject != ""
		if same && m["subject"] != "" && m["subject"] == p.Subject {
			found = true
		}
		for _, group := range p.Groups {
			if same && m["group"] != "" && m["group"] == group {
				found = true
			}
		}
		if same && m["email_domain"] != "" && strings.HasSuffix(p.Email, "@"+m["email_domain"]) {
			found = true
		}
		if p.Kind == identity.KindSource && m["source"] != "" && m["source"] == p.Subject {
			found = true
		}
		if p.Kind == identity.KindEvent && m["event"] != "" && "event:"+m["event"] == p.Subject {
			found = true
		}
	}
	return found
}

type plainAccount struct {
	Alias      string   `yaml:"alias"`
	Name       any      `yaml:"display_name,omitempty"`
	Enabled    bool     `yaml:"enabled"`
	AccountID  string   `yaml:"account_id"`
	Access     string   `yaml:"access"`
	Role       string   `yaml:"role,omitempty"`
	ExternalID string   `yaml:"external_id_env,omitempty"`
	Regions    []string `yaml:"regions"`

	Rate  *plainRate `yaml:"rate,omitempty"`
	Daily *int       `yaml:"daily_jobs,omitempty"`
}

type plainRule struct {
	ID          string            `yaml:"id"`
	Reason      map[string]string `yaml:"reason,omitempty"`
	Owner       any               `yaml:"owner,omitempty"` // one text, or one text for each language
	Teams       []string          `yaml:"teams"`
	Actions     []string          `yaml:"actions"`
	Accounts    []string          `yaml:"accounts"`
	Regions     []string          `yaml:"regions"`
	Sources     []string          `yaml:"source_types"`
	Instances   []string          `yaml:"instances,omitempty"`
	Prefixes    []string          `yaml:"instance_prefixes,omitempty"`
	Tags        map[string]string `yaml:"instance_tags,omitempty"`
	AnyInstance bool              `yaml:"any_instance,omitempty"`
	Clusters    []string          `yaml:"clusters,omitempty"`
	AnyCluster  bool              `yaml:"any_cluster,omitempty"`
	Vaults      []string          `yaml:"vaults,omitempty"`
	AnyVault    bool              `yaml:"any_vault,omitempty"`
	Retention   *plainDays        `yaml:"retention_days,omitempty"`
	Copy        *plainCopy        `yaml:"copy,omitempty"`
	Scripts     []string          `yaml:"scripts,omitempty"`
	Defaults    map[string]string `yaml:"defaults,omitempty"`
	Enforced    map[string]string `yaml:"enforced,omitempty"`
	Cooldown    string            `yaml:"cooldown,omitempty"`
	Skip        bool              `yaml:"skip_cooldown,omitempty"`
	Why         string            `yaml:"why,omitempty"`
	Ticket      *plainTicket      `yaml:"ticket,omitempty"`
}

type plainTicket struct {
	Pattern  string `yaml:"pattern,omitempty"`
	Required bool   `yaml:"required,omitempty"`
	Example  string `yaml:"example,omitempty"`
}

// takes reports whether a request with that ticket meets the rule's condition on tickets.
func (t *plainTicket) takes(value string) bool {
	if t == nil {
		return true
	}
	if value == "" {
		return !t.Required
	}
	return t.Pattern == "" || regexp.MustCompile("^("+t.Pattern+")$").MatchString(value)
}

type plainCopy struct {
	Regions   []string  `yaml:"regions"`
	Retention plainDays `yaml:"retention_days"`
}

type plainDays struct {
	Min int `yaml:"min"`
	Max int `yaml:"max"`

	Default int `yaml:"default,omitempty"`
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

// hasField reports whether the parameter called name applies to a request with the values p.
// name must be one of the two parameters that the random policies of the tests set.
func hasField(p param.Params, name string) bool {
	return p["SourceType"] == "ECS_FILE"
}

// values returns the values that the rule adds to p.
func (r plainRule) values(p param.Params) param.Params {
	v := param.Params{}
	for _, from := range []map[string]string{r.Defaults, r.Enforced} {
		for name, value := range from {
			if p[name] == "" && hasField(p, name) {
				v[name] = value
			}
		}
	}
	if p["Retention"] == "" && r.Retention.Default != 0 {
		v["Retention"] = strconv.Itoa(r.Retention.Default)
	}
	return v
}

// conditions returns the conditions of a rule in order: the parameter that each is about, and
// whether it is met for p. The first four conditions also apply to viewing.
func (r plainRule) conditions(p param.Params) (fields []string, holds []bool) {
	add := func(field string, ok bool) { fields, holds = append(fields, field), append(holds, ok) }
	add("Account", in(p["Account"], r.Accounts))
	add("Region", in(p["Region"], r.Regions))
	add("SourceType", in(p["SourceType"], r.Sources))
	if p["SourceType"] == "CONTAINER" {
		add("ContainerClusterId", p["ContainerClusterId"] != "" && (r.AnyCluster || in(p["ContainerClusterId"], r.Clusters)))
	} else {
		begins := false
		for _, prefix := range r.Prefixes {
			begins = begins || strings.HasPrefix(p["InstanceId"], prefix)
		}
		add("InstanceId", p["InstanceId"] != "" && (r.AnyInstance || in(p["InstanceId"], r.Instances) || begins || len(r.Tags) > 0))
	}
	if !in("backup.create", r.Actions) {
		add("", false)
		return fields, holds
	}
	for _, name := range []string{"Options.UseVSS", "SpeedLimit"} { // in the order of the form
		add(name, !hasField(p, name) || r.Enforced[name] == "" || p[name] == "" || p[name] == r.Enforced[name])
	}
	if p["SourceType"] != "UDM_ECS" {
		add("VaultId", p["VaultId"] != "" && (r.AnyVault || in(p["VaultId"], r.Vaults)))
	}
	add("Retention", r.Retention.holds(p["Retention"]) || p["Retention"] == "" && r.Retention.Default != 0)
	if p["Detail.doCopy"] == "true" { // otherwise its values are ignored
		add("Detail.doCopy", r.Copy != nil)
		add("Detail.destinationRegionId", r.Copy != nil && in(p["Detail.destinationRegionId"], r.Copy.Regions))
		add("Detail.destinationRetention", r.Copy != nil && r.Copy.Retention.holds(p["Detail.destinationRetention"]))
	}
	add("Reason", r.Why != "required" || p["Reason"] != "")
	add("Ticket", r.Ticket.takes(p["Ticket"]))
	if p["Detail.appConsistent"] == "true" { // otherwise the scripts are ignored
		add("Detail.preScriptPath", p["Detail.preScriptPath"] == "" || in(p["Detail.preScriptPath"], r.Scripts))
		add("Detail.postScriptPath", p["Detail.postScriptPath"] == "" || in(p["Detail.postScriptPath"], r.Scripts))
	}
	return fields, holds
}

// tagged reports whether the instance of p has all tags of r. This is the last condition of a rule.
func (r plainRule) tagged(p param.Params) bool {
	all := true
	for key, value := range r.Tags {
		if p["SourceType"] != "CONTAINER" && someTags[p["InstanceId"]][key] != value {
			all = false
		}
	}
	return all
}

// sharedTeam returns the first team of r that has who as a member, or false.
func (x plainPolicy) sharedTeam(r plainRule, who identity.Principal) (plainTeam, bool) {
	for _, name := range r.Teams {
		for _, t := range x.Teams {
			if t.Name == name && t.has(who) {
				return t, true
			}
		}
	}
	return plainTeam{}, false
}

// grant returns the grant of r for a backup that r allows.
func (x plainPolicy) grant(r plainRule, who identity.Principal, p param.Params) backup.Grant {
	g := backup.Grant{Rule: r.ID}
	if v := r.values(p); len(v) > 0 {
		g.Values = v
	}
	cooldown := r.Cooldown
	if cooldown == "" && !r.Skip && x.Defaults != nil {
		cooldown = x.Defaults.Cooldown
	}
	g.Cooldown, _ = time.ParseDuration(cooldown)
	add := func(key string, rate *plainRate) {
		if rate != nil {
			per, _ := time.ParseDuration(rate.Per)
			g.Rates = append(g.Rates, backup.Rate{Key: key, Burst: rate.Burst, Per: per})
		}
	}
	if x.Defaults != nil {
		if key := "p:" + who.Issuer + "#" + who.Subject; who.Kind != identity.KindSource {
			add(key, x.Defaults.Rate)
		} else {
			add("s:"+who.Subject, x.Defaults.Rate)
		}
	}
	for _, a := range x.Accounts {
		if a.Alias == p["Account"] {
			add("a:"+a.Alias, a.Rate)
			if a.Daily != nil {
				g.Quotas = append(g.Quotas, backup.Quota{Key: "a:" + a.Alias, Day: *a.Daily})
			}
		}
	}
	if t, _ := x.sharedTeam(r, who); t.Daily != nil {
		g.Quotas = append(g.Quotas, backup.Quota{Key: "t:" + t.Name, Day: *t.Daily})
	}
	return g
}

// decide returns the grant for p, or the fields of the mistakes.
func (x plainPolicy) decide(who identity.Principal, p param.Params) (grant backup.Grant, blamed string) {
	if !x.Enabled {
		return grant, ""
	}
	known, enabled, region := false, false, false
	for _, a := range x.Accounts {
		if a.Alias == p["Account"] {
			for _, r := range x.Rules {
				if _, shared := x.sharedTeam(r, who); shared && in(a.Alias, r.Accounts) {
					known = true
				}
			}
			enabled, region = a.Enabled, in(p["Region"], a.Regions)
		}
	}
	if !known || !enabled {
		return grant, "Account"
	}
	if !region {
		return grant, "Region"
	}
	var lines []string
	for _, r := range x.Rules {
		if _, shared := x.sharedTeam(r, who); !shared {
			continue
		}
		fields, holds := r.conditions(p)
		first, all := "", true
		for i := len(fields) - 1; i >= 0; i-- {
			if !holds[i] {
				first, all = fields[i], false
			}
		}
		if all && !r.tagged(p) {
			first, all = "InstanceId", false
		}
		if all && grant.Rule == "" {
			grant = x.grant(r, who, p)
		}
		if in("backup.create", r.Actions) {
			lines = append(lines, first)
		}
	}
	if grant.Rule != "" {
		return grant, ""
	}
	return grant, strings.Join(lines, " ")
}

// may is the second, simple implementation of Policy.May, for comparison.
func (x plainPolicy) may(who identity.Principal, do backup.Action, p param.Params) bool {
	may := false
	for _, a := range x.Accounts {
		for _, r := range x.Rules {
			_, holds := r.conditions(p)
			_, shared := x.sharedTeam(r, who)
			if shared && in(string(do), r.Actions) && a.Alias == p["Account"] && in(p["Region"], a.Regions) && holds[0] && holds[1] && holds[2] && holds[3] && r.tagged(p) {
				may = true
			}
		}
	}
	return may
}

// The values from which random policies and requests are made. There are few values, so that
// policies and requests often match.
var (
	someAliases   = []string{"one", "two"}
	someRegions   = []string{"cn-hangzhou", "cn-shanghai"}
	someSources   = []string{"UDM_ECS", "ECS_FILE", "CONTAINER"}
	someInstances = []string{"i-a", "i-b", "i-c"}
	someClusters  = []string{"cc-a", "cc-b"}
	someScripts   = []string{"/a", "/b"}
	someVaults    = []string{"v-a", "v-b"}
	someTags      = map[string]map[string]string{"i-a": {"k": "1", "l": "1"}, "i-b": {"k": "1", "l": "2"}}
	someSpeeds    = []string{"0:24:1024", "9:18:2048"}

	someMembers = []map[string]string{
		{"issuer": "https://a.example", "subject": "1"}, {"issuer": "https://b.example", "subject": "1"}, {"issuer": "https://a.example", "group": "g"},
		{"issuer": "https://a.example", "email_domain": "a.example"}, {"source": "ci"}, {"event": "timer"},
	}
	somePrincipals = []identity.Principal{
		{Kind: identity.KindHuman, Issuer: "https://a.example", Subject: "1"},
		{Kind: identity.KindHuman, Issuer: "https://b.example", Subject: "1", Groups: []string{"g"}, Email: "x@a.example"},
		{Kind: identity.KindHuman, Issuer: "https://a.example", Subject: "2", Groups: []string{"f", "g"}},
		{Kind: identity.KindHuman, Issuer: "https://a.example", Subject: "3", Email: "x@a.example"},
		{Kind: identity.KindHuman, Issuer: "https://a.example", Subject: "4", Email: "x@b.a.example"},
		{Kind: identity.KindHuman, Subject: "ci"}, {Kind: identity.KindHuman, Issuer: "https://a.example", Groups: []string{"g"}},
		{Kind: identity.KindSource, Subject: "ci"}, {Kind: identity.KindSource, Subject: "event:timer"}, {Kind: identity.KindSource, Issuer: "https://a.example", Subject: "1"},
		{Kind: identity.KindEvent, Subject: "event:timer"}, {Kind: identity.KindEvent, Subject: "ci"}, {},
	}
)

func someOf(t *rapid.T, label string, from []string) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, len(from), rapid.ID[string]).Draw(t, label)
}

func someDays(t *rapid.T, label string) plainDays {
	least := rapid.IntRange(1, 3).Draw(t, label)
	return plainDays{Min: least, Max: least + rapid.IntRange(0, 2).Draw(t, label)}
}

func someRate(t *rapid.T, label string) *plainRate {
	if rapid.Bool().Draw(t, label) {
		return nil
	}
	return &plainRate{rapid.IntRange(1, 3).Draw(t, label), rapid.SampledFrom([]string{"30s", "10m", "24h"}).Draw(t, label)}
}

func someDaily(t *rapid.T, label string) *int {
	if rapid.Bool().Draw(t, label) {
		return nil
	}
	n := rapid.IntRange(0, 2).Draw(t, label)
	return &n
}

// mostly returns true with a probability of 9/10.
func mostly(t *rapid.T, label string) bool { return rapid.IntRange(0, 9).Draw(t, label) > 0 }

func drawPolicy(t *rapid.T) plainPolicy {
	x := plainPolicy{Version: 1, Enabled: rapid.IntRange(0, 19).Draw(t, "switch") > 0}
	for i, alias := range someAliases {
		x.Accounts = append(x.Accounts, plainAccount{
			Alias: alias, Enabled: mostly(t, "account enabled"), AccountID: fmt.Sprintf("%016d", i), Access: "own",
			Regions: someOf(t, "account regions", someRegions), Rate: someRate(t, "account rate"), Daily: someDaily(t, "account daily"),
		})
	}
	if rapid.Bool().Draw(t, "defaults") {
		x.Defaults = &plainDefaults{Cooldown: rapid.SampledFrom([]string{"", "15m"}).Draw(t, "cool-down"), Rate: someRate(t, "rate")}
		if *x.Defaults == (plainDefaults{}) {
			x.Defaults.Cooldown = "1h"
		}
	}
	for _, name := range []string{"red", "blue"} {
		team := plainTeam{Name: name, Daily: someDaily(t, "team daily")}
		for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(someMembers)-1), 1, 5, rapid.ID[int]).Draw(t, "members") {
			team.Members = append(team.Members, someMembers[i])
		}
		x.Teams = append(x.Teams, team)
	}
	for i := range rapid.SampledFrom([]int{3, 2, 1, 4, 0}).Draw(t, "rules") {
		x.Rules = append(x.Rules, drawRule(t, x, fmt.Sprintf("r%d", i)))
	}
	return x
}

func drawRule(t *rapid.T, x plainPolicy, id string) plainRule {
	r := plainRule{
		ID: id, Accounts: someOf(t, "accounts", someAliases), Sources: someOf(t, "sources", someSources),
		Teams: someOf(t, "teams", []string{"red", "blue"}), Actions: []string{"backup.view"},
	}
	if rapid.Bool().Draw(t, "cancels") {
		r.Actions = append(r.Actions, "backup.cancel")
	}
	var regions []string
	for _, a := range x.Accounts {
		if in(a.Alias, r.Accounts) {
			regions = append(regions, a.Regions...)
		}
	}
	r.Regions = someOf(t, "regions", regions[:1+rapid.IntRange(0, len(regions)-1).Draw(t, "first regions")])
	if in("UDM_ECS", r.Sources) || in("ECS_FILE", r.Sources) {
		switch rapid.IntRange(0, 4).Draw(t, "any instance") {
		case 4:
			r.Tags = map[string]string{"k": "1"}
			if rapid.Bool().Draw(t, "second tag") {
				r.Tags["l"] = rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "tag")
			}
		case 0:
			r.AnyInstance = true
		case 1:
			r.Prefixes = someOf(t, "prefixes", someInstances)
		case 2:
			r.Prefixes = someOf(t, "prefixes", someInstances)
			fallthrough
		default:
			r.Instances = someOf(t, "instances", someInstances)
		}
	}
	if in("CONTAINER", r.Sources) {
		if r.AnyCluster = rapid.Bool().Draw(t, "any cluster"); !r.AnyCluster {
			r.Clusters = someOf(t, "clusters", someClusters)
		}
	}
	if !mostly(t, "creates") {
		return r
	}
	r.Actions = append(r.Actions, "backup.create")
	days := someDays(t, "retention")
	if rapid.Bool().Draw(t, "usual") {
		days.Default = rapid.IntRange(days.Min, days.Max).Draw(t, "usual retention")
	}
	r.Retention = &days
	if in("ECS_FILE", r.Sources) || in("CONTAINER", r.Sources) {
		if r.AnyVault = rapid.Bool().Draw(t, "any vault"); !r.AnyVault {
			r.Vaults = someOf(t, "vaults", someVaults)
		}
	}
	for _, name := range []string{"SpeedLimit", "Options.UseVSS"} {
		values := someSpeeds
		if name != "SpeedLimit" {
			values = []string{"true", "false"}
		}
		switch value := rapid.SampledFrom(values).Draw(t, name); rapid.IntRange(0, 3).Draw(t, name) {
		case 0:
			if r.Enforced == nil {
				r.Enforced = map[string]string{}
			}
			r.Enforced[name] = value
		case 1:
			if r.Defaults == nil {
				r.Defaults = map[string]string{}
			}
			r.Defaults[name] = value
		}
	}
	switch rapid.IntRange(0, 3).Draw(t, "rule's cool-down") {
	case 0:
		r.Cooldown = "2m"
	case 1:
		r.Skip = true
	}
	if rapid.Bool().Draw(t, "copy") {
		r.Copy = &plainCopy{someOf(t, "copy regions", someRegions), someDays(t, "copy retention")}
	}
	r.Why = rapid.SampledFrom([]string{"", "", "optional", "required"}).Draw(t, "why")
	if rapid.IntRange(0, 2).Draw(t, "ticket") == 0 {
		r.Ticket = &plainTicket{Pattern: rapid.SampledFrom([]string{"OPS-[0-9]+", "A|B-1"}).Draw(t, "pattern"), Required: rapid.Bool().Draw(t, "required")}
	}
	if rapid.Bool().Draw(t, "scripts") {
		r.Scripts = someOf(t, "script list", someScripts)
	}
	return r
}

// drawAllowed returns a random request that the rule r allows, provided that the account of the
// request is enabled and has the region.
func drawAllowed(t *rapid.T, r plainRule) param.Params {
	pick := func(list []string) string { return rapid.SampledFrom(list).Draw(t, "pick") }
	within := func(d plainDays) string { return strconv.Itoa(rapid.IntRange(d.Min, d.Max).Draw(t, "days")) }
	p := param.Params{
		"Account": pick(r.Accounts), "Region": pick(r.Regions), "SourceType": pick(r.Sources),
	}
	if r.Retention != nil && (r.Retention.Default == 0 || rapid.Bool().Draw(t, "says for how long")) {
		p["Retention"] = within(*r.Retention)
	}
	if p["SourceType"] != "UDM_ECS" {
		p["VaultId"] = pick(append(r.Vaults, someVaults[:btoi(r.AnyVault || r.Retention == nil)]...))
	}
	switch {
	case p["SourceType"] == "CONTAINER":
		p["ContainerClusterId"] = pick(append(r.Clusters, someClusters[:btoi(r.AnyCluster)]...))
	default:
		p["InstanceId"] = pick(append(append(r.Instances, r.Prefixes...), someInstances[:btoi(r.AnyInstance)+2*btoi(r.Tags != nil)]...))
	}
	if r.Copy != nil && rapid.Bool().Draw(t, "do copy") {
		p["Detail.doCopy"] = "true"
		p["Detail.destinationRegionId"] = pick(r.Copy.Regions)
		p["Detail.destinationRetention"] = within(r.Copy.Retention)
	}
	if r.Why == "required" || rapid.Bool().Draw(t, "says why") {
		p["Reason"] = "before the release"
	}
	if r.Ticket != nil && (r.Ticket.Required || rapid.Bool().Draw(t, "has a ticket")) {
		p["Ticket"] = map[string]string{"OPS-[0-9]+": "OPS-1", "A|B-1": "B-1"}[r.Ticket.Pattern]
	}
	if r.Scripts != nil && rapid.Bool().Draw(t, "do scripts") {
		p["Detail.appConsistent"] = "true"
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

// drawRequest returns a random request that a rule allows, with at most one value changed
// afterwards. It also returns that rule.
func drawRequest(t *rapid.T, x plainPolicy) (param.Params, *plainRule) {
	anything := map[string][]string{
		"Account": {"one", "two", "three"}, "Region": {"cn-hangzhou", "cn-shanghai", "cn-beijing"}, "SourceType": someSources,
		"InstanceId": someInstances, "ContainerClusterId": someClusters, "Retention": {"0", "1", "2", "3", "4", "5", "6", ""},
		"Detail.destinationRetention": {"0", "1", "2", "3", "4", "5", "6", ""}, "Detail.destinationRegionId": someRegions,
		"VaultId": someVaults, "SpeedLimit": someSpeeds, "Options.UseVSS": {"true", "false"},
		"Detail.preScriptPath": {"/a", "/b", "/a/", "/A"}, "Detail.postScriptPath": {"/a", "/b", "//a", "/c"},
		"Detail.doCopy": {"true", "false"}, "Detail.appConsistent": {"true", "false"},
		"Reason": {"", "why"}, "Ticket": {"", "OPS-1", "OPS-1x", "xOPS-1", "A", "A-1", "B-1"},
	}
	names := []string{
		"Account", "Region", "SourceType", "InstanceId", "ContainerClusterId", "Retention", "Detail.destinationRetention",
		"Detail.destinationRegionId", "Detail.preScriptPath", "Detail.postScriptPath", "Detail.doCopy",
		"Detail.appConsistent", "VaultId", "SpeedLimit", "Options.UseVSS", "Reason", "Ticket",
	}
	p, near := param.Params{}, (*plainRule)(nil)
	if len(x.Rules) > 0 && mostly(t, "near a rule") {
		near = &x.Rules[rapid.IntRange(0, len(x.Rules)-1).Draw(t, "rule")]
		p = drawAllowed(t, *near)
		names = []string{rapid.SampledFrom(append(names, "", "", "", "", "", "", "", "")).Draw(t, "changed")}
	}
	for _, name := range names {
		if name != "" {
			p[name] = rapid.SampledFrom(anything[name]).Draw(t, name)
		}
	}
	return p, near
}

func TestDecideAgainstReference(t *testing.T) {
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
		x := decodePlain(t, text)
		p = p.Tagged(func(context.Context, backup.Target, []string) (map[string]map[string]string, error) {
			return someTags, nil
		}, time.Now)
		for range 20 {
			params, near := drawRequest(t, x)
			among := somePrincipals
			if near != nil && mostly(t, "member") {
				among = slices.DeleteFunc(slices.Clone(among), func(p identity.Principal) bool { _, ok := x.sharedTeam(*near, p); return !ok })
			}
			if len(among) == 0 {
				among = somePrincipals
			}
			who := rapid.SampledFrom(among).Draw(t, "who")
			want, wantFields := x.decide(who, params)
			grant, denied := p.Decide(t.Context(), who, params)
			if grant.Rule != "" && len(grant.Values) == 0 {
				grant.Values = nil
			}
			fields := make([]string, len(denied))
			for i, m := range denied {
				fields[i] = m.Field
			}
			if !reflect.DeepEqual(grant, want) || strings.Join(fields, " ") != wantFields || (grant.Rule == "") != (len(denied) > 0) {
				t.Fatalf("%+v %v\n%s got %+v %v\nwant %+v %v", who, params, text, grant, fields, want, wantFields)
			}
			for _, do := range backup.Actions {
				if got, want := p.May(t.Context(), who, do, params), x.may(who, do, params); got != want {
					t.Fatalf("%+v %v\n%s %s: %v, want %v", who, params, text, do, got, want)
				}
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

// decodePlain decodes text with the YAML library, which refuses unknown and repeated keys.
func decodePlain(t interface{ Fatalf(string, ...any) }, text []byte) plainPolicy {
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	var x plainPolicy
	if err := d.Decode(&x); err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return x
}
