package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"backupportal/function/backup"
	"backupportal/function/event/envelope"
	"backupportal/function/param"
	"backupportal/function/webhook"
)

var update = flag.Bool("update", false, "write the golden files")

const schemaFile = "../../docs/policy.schema.json"

// An object is a JSON object.
type object = map[string]any

// schema returns the JSON Schema (draft 2020-12) of the policy, for editors. It accepts every policy that Load
// accepts. Load also refuses names that do not exist, contradictions and the like.
func schema() object {
	return object{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "Policy of the Backup Portal",
		"description": "Who may back up what. docs/policy.example.yaml explains every key.",
		"$defs": object{
			"name":     text(nameShape, "a lower-case letter, then lower-case letters, digits and hyphens"),
			"region":   choiceOf("a region of Cloud Backup", regionIDs()...),
			"duration": text(durationShape, "a time such as 30s, 15m or 24h"),
			"variable": text(variableShape, "the name of an environment variable"),
			"either":   object{"anyOf": []any{line(""), object{"$ref": "#/$defs/words"}}},
			"words":    keys("a text in both languages", []string{"en", "zh"}, object{"en": line("in English"), "zh": line("in Chinese")}),
			"rate": keys("", []string{"burst", "per"}, object{
				"burst": whole("how many", 1, maxInWindow), "per": describe(ref("duration"), "in how much time, such as 30s, 15m or 24h"),
			}),
			"pointer": keys("where the message has the value", []string{"pointer"}, object{"pointer": text(pointerShape, "a JSON pointer (RFC 6901)")}),
		},
		"type": "object", "additionalProperties": false, "required": []string{"version", "enabled", "accounts"},
		"properties": object{
			"version": object{"const": 1, "description": "the version of the format"},
			"enabled": flagOf("false stops all new backups"),
			"defaults": keys("limits for everyone", nil, object{
				"cooldown": describe(ref("duration"), "the minimum time between two backups of one instance or cluster"),
				"rate":     describe(ref("rate"), "how many backups each person or program may start"),
				"requests": describe(ref("rate"), "how many requests that start or cancel something each person or program may send"),
			}),
			"accounts": listOf("the accounts that can be backed up", accountSchema()),
			"teams": listOf("who the rules are for", keys("a team", []string{"name", "members"}, object{
				"name": ref("name"), "display_name": ref("either"), "daily_jobs": whole("backups of all members in a day; 0 allows none", 0, maxInWindow),
				"members": listOf("people, programs and events", memberSchema()),
			})),
			"tokens": listOf("tokens of programs for the API; token new prints an entry", keys("a token", []string{"source", "id", "sha256", "not_after"}, object{
				"source": ref("name"), "id": ref("name"), "sha256": text(sumShape, "the hash of the token"), "not_after": text(timeShape, "when it expires, in UTC"),
			})),
			"pipelines": listOf("CI pipelines with signed tokens", keys("a pipeline", []string{"name", "issuer", "audience", "claims"}, object{
				"name": ref("name"), "audience": text(audienceShape, "the audience that the pipeline requests"),
				"issuer":        object{"type": "string", "pattern": `^https://[!"$-~]{1,199}$`, "description": "the issuer's URL, exactly as in its tokens"},
				"claims":        object{"type": "object", "additionalProperties": line(""), "description": "claims that a token must have; * stands for a part"},
				"identified_by": listOf("the claims that identify the project", text(claimShape, "")),
			})),
			"sources": listOf("senders of webhooks", sourceSchema()),
			"rules":   listOf("what the members of teams may do", ruleSchema()),
			"expectations": object{"type": "array", "minItems": 1, "maxItems": maxExpectations, "description": "instances that need a good backup regularly",
				"items": keys("", []string{"name", "team", "account", "region", "every"}, object{
					"name": ref("name"), "team": ref("name"), "account": ref("name"), "region": ref("region"),
					"every":     describe(ref("duration"), "the longest time without a good backup, from 1h to 744h"),
					"instances": listOf("", text(instanceShape, "")), "instance_tags": tagsSchema(),
				})},
			"objects": object{"type": "array", "minItems": 1, "maxItems": maxObjects, "description": "changes of objects that start a preset",
				"items": keys("", []string{"event", "bucket", "prefix", "preset"}, object{
					"event": choiceOf("", objectKinds()...), "bucket": text(bucketShape, "the name of the bucket"), "prefix": text(keyShape, "the beginning of an object's key"),
					"suffix": text(keyShape, "its end"), "preset": describe(ref("name"), "the name of the preset"),
				})},
			"operators": listOf("teams that may view the rejected messages of all senders", ref("name")),
			"notifications": keys("who is told about backups", []string{"receivers"}, object{
				"environment": object{"type": "string", "maxLength": maxEnvironment, "description": "the first word of every message"},
				"receivers":   object{"type": "array", "minItems": 1, "maxItems": maxReceivers, "items": receiverSchema()},
			}),
			"prices": keys("a price table, for estimates", []string{"currency", "date"}, object{
				"currency": text(currencyShape, "ISO 4217"), "date": text(dateShape, "when the prices were looked up"),
				"regions": listOf("where the prices hold; default: everywhere", ref("region")), "owner": ref("either"), "reason": ref("either"),
				"snapshot_storage": price("for each GiB and month"), "vault_storage": price("for each GiB and month"),
				"software_fee": price("for each instance or client and month"), "copy_traffic": price("for each GiB once"),
			}),
			"presets": object{"type": "array", "minItems": 1, "maxItems": maxPresets, "description": "named values that people and programs can use together",
				"items": keys("a preset", []string{"name", "title", "description", "values"}, object{
					"name": ref("name"), "title": ref("words"), "description": ref("words"),
					"values": atLeastOne(parametersOf("values, by the names of the API", func(f param.Field) bool { return !f.Assigned && f.Name != "Preset" }, line(""))),
				})},
		},
	}
}

func accountSchema() object {
	s := keys("an account", []string{"alias", "enabled", "account_id", "access", "regions"}, object{
		"alias": ref("name"), "enabled": flagOf("false stops new backups in this account"), "display_name": ref("either"),
		"account_id": text(digitsShape, "16 digits, in quotes"),
		"access":     choiceOf("how the portal reaches the account", string(backup.Own), string(backup.AssumeRole), string(backup.HBRCrossAccount)),
		"role":       text(roleShape, "the name of the role in that account"), "external_id_env": describe(ref("variable"), "the variable with the external id that the role requires"),
		"session": describe(ref("duration"), "the lifetime of the role's credentials, from 15m to 12h"),
		"through": describe(ref("name"), "the alias of the account whose role makes the calls"),
		"regions": listOf("", ref("region")), "rate": describe(ref("rate"), "how many backups of the account all people and programs together may start"),
		"daily_jobs": whole("backups in a day; 0 allows none", 0, maxInWindow),
	})
	without := func(access string, names ...string) object {
		never := object{}
		for _, name := range names {
			never[name] = false
		}
		return object{"if": object{"properties": object{"access": object{"const": access}}}, "then": object{"properties": never}}
	}
	s["allOf"] = []any{
		without("own", "role", "external_id_env", "session", "through"),
		without("assume_role", "through"),
		without("hbr_cross_account", "external_id_env", "session"),
		object{"if": object{"properties": object{"access": object{"const": "own"}}}, "else": object{"required": []string{"role"}}},
	}
	return s
}

func memberSchema() object {
	issuer := object{"type": "string", "pattern": `^(demo|https?://[!"$-~]{1,200})$`, "description": "of the sign-in, exactly as in its tokens"}
	person := func(claim string, value object) object {
		return keys("", []string{"issuer", claim}, object{"issuer": issuer, claim: value})
	}
	var kinds []string
	for _, kind := range envelope.Submitting {
		kinds = append(kinds, string(kind))
	}
	return object{"type": "object", "oneOf": []any{
		person("subject", text(subjectShape, "of a person")), person("group", text(subjectShape, "everyone in this group")),
		person("email_domain", text(domainShape, "everyone with a verified address in this domain")),
		keys("a program", []string{"source"}, object{"source": ref("name")}),
		keys("events of the platform", []string{"event"}, object{"event": choiceOf("", kinds...)}),
	}}
}

func sourceSchema() object {
	var kinds []string
	for _, kind := range webhook.Kinds {
		kinds = append(kinds, string(kind))
	}
	s := keys("a sender of webhooks", []string{"name", "kind", "keys", "submission"}, object{
		"name": ref("name"), "kind": choiceOf("how its messages are signed", kinds...),
		"tolerance": describe(ref("duration"), "standard only: how far the time of a message may be off; default 5m, maximum 1h"),
		"key":       choiceOf("bearer only: the hash of the body is the id of a message", "body"),
		"when":      listOf("a message starts a backup only if it has these texts", keys("", []string{"pointer", "equals"}, object{"pointer": text(pointerShape, "a JSON pointer"), "equals": line("")})),
		"keys":      listOf("several while one is replaced", object{"type": "object"}),
		"submission": parametersOf("for each parameter a text, or a pointer into the message", func(f param.Field) bool { return !f.Assigned },
			object{"anyOf": []any{line(""), ref("pointer")}}),
	})
	bearer := keys("", []string{"id", "sha256", "not_after"}, object{"id": ref("name"), "sha256": text(sumShape, ""), "not_after": text(timeShape, "")})
	signed := keys("", []string{"id", "secret_env"}, object{"id": ref("name"), "secret_env": ref("variable"), "not_after": text(timeShape, "")})
	s["if"] = object{"properties": object{"kind": object{"const": string(webhook.Bearer)}}}
	s["then"] = object{"properties": object{"keys": object{"items": bearer}}}
	s["else"] = object{"properties": object{"keys": object{"items": signed}}}
	return s
}

func ruleSchema() object {
	days := func(more ...string) object {
		properties := object{"min": whole("", 1, param.MaxRetention), "max": whole("", 1, param.MaxRetention)}
		for _, name := range more {
			properties[name] = whole("", 1, param.MaxRetention)
		}
		return keys("a number of days, both ends included", []string{"min", "max"}, properties)
	}
	var actions, sources []string
	for _, a := range backup.Actions {
		actions = append(actions, string(a))
	}
	for _, s := range param.SourceTypes {
		sources = append(sources, string(s))
	}
	values := func(about string) object {
		return atLeastOne(parametersOf(about, func(f param.Field) bool { return !slices.Contains(notPresettable, f.Name) }, line("")))
	}
	create := object{}
	for _, name := range createOnlyKeys {
		create[name] = false
	}
	s := keys("a rule: it allows a backup if all of its conditions hold", []string{"id", "teams", "actions", "accounts", "regions", "source_types"}, object{
		"id": ref("name"), "teams": listOf("", ref("name")), "actions": listOf("", choiceOf("", actions...)), "reason": ref("words"), "owner": ref("either"),
		"accounts": listOf("aliases", ref("name")), "regions": listOf("", ref("region")), "source_types": listOf("", choiceOf("", sources...)),
		"instances": listOf("", text(instanceShape, "")), "instance_prefixes": listOf("beginnings of ids", text(prefixShape, "")),
		"instance_tags": tagsSchema(),
		"any_instance":  flagOf("every instance"), "clusters": listOf("", text(clusterShape, "")), "any_cluster": flagOf("every cluster"),
		"vaults": listOf("", text(vaultShape, "")), "any_vault": flagOf("every vault"), "retention_days": days("default"),
		"copy":    keys("copies in another region", []string{"regions", "retention_days"}, object{"regions": listOf("", ref("region")), "retention_days": days()}),
		"scripts": listOf("exact paths", text(scriptShape, "")), "defaults": values("for parameters that a request does not give"), "enforced": values("always used; a request may give nothing else"),
		"cooldown": describe(ref("duration"), "replaces defaults.cooldown"), "skip_cooldown": flagOf("no cool-down"), "why": choiceOf("whether a request must say why", "required", "optional"),
		"ticket": object{"type": "object", "minProperties": 1, "additionalProperties": false, "properties": object{
			"pattern": object{"type": "string", "maxLength": maxPattern, "description": "a regular expression (RE2) for the whole ticket"}, "required": flagOf(""), "example": object{"type": "string", "minLength": 1, "maxLength": 64}}},
		"receivers": listOf("names of receivers that a request may choose", ref("name")),
	})
	s["if"] = object{"properties": object{"actions": object{"contains": object{"const": string(backup.ActionCreate)}}}}
	s["then"] = object{"required": []string{"retention_days"}}
	s["else"] = object{"properties": create}
	return s
}

// tagsSchema returns the schema of the tags that an instance must have.
func tagsSchema() object {
	return object{
		"type": "object", "minProperties": 1, "maxProperties": maxTags, "description": "tags that an instance must have",
		"propertyNames": object{"minLength": 1, "maxLength": 128}, "additionalProperties": object{"type": "string", "minLength": 1, "maxLength": 128},
	}
}

func receiverSchema() object {
	var kinds, events []string
	for _, kind := range backup.ReceiverKinds {
		kinds = append(kinds, string(kind))
	}
	for _, e := range backup.Events {
		events = append(events, string(e))
	}
	s := keys("a receiver", []string{"name", "kind"}, object{
		"name": ref("name"), "kind": choiceOf("", kinds...),
		"events":     listOf("default: only the ends of backups whose request chose the receiver", choiceOf("", events...)),
		"url_env":    object{"$ref": "#/$defs/variable", "description": "the variable with the address; required except for email"},
		"secret_env": object{"$ref": "#/$defs/variable", "description": "the variable with the secret of the receiver, or the password of an email receiver"},
		"accounts":   listOf("aliases; default: all", ref("name")), "language": choiceOf("default: en", "en", "zh"), "private": flagOf("the address may be in a private network"),
		"host": text(mailHostShape, "of email: the mail server; required"), "port": whole("of email; default: 465", 1, 65535),
		"tls":      choiceOf("of email; default: implicit with port 465, otherwise starttls", "implicit", "starttls"),
		"from":     text(mailAddressShape, "of email: the sender; required"),
		"to":       object{"type": "array", "minItems": 1, "maxItems": maxRecipients, "items": text(mailAddressShape, ""), "description": "of email: the recipients; required"},
		"user_env": object{"$ref": "#/$defs/variable", "description": "of email: the variable with the user; requires secret_env"},
	})
	never := object{}
	for _, key := range mailKeys() {
		never[key] = false
	}
	s["if"] = object{"properties": object{"kind": object{"const": string(backup.Email)}}}
	s["then"] = object{"required": []string{"host", "from", "to"}, "properties": object{"url_env": false}, "dependentRequired": object{"user_env": []string{"secret_env"}, "secret_env": []string{"user_env"}}}
	s["else"] = object{"required": []string{"url_env"}, "properties": never}
	return s
}

// describe adds a description unless it is empty.
func describe(s object, about string) object {
	if about != "" {
		s["description"] = about
	}
	return s
}

// text returns the schema of a text of a shape. A class of package pattern that editors do not know is widened.
func text(of shape, about string) object {
	return describe(object{"type": "string", "pattern": "^(?:" + strings.ReplaceAll(of.pattern, `[^\pC]`, `[^\x00-\x1f]`) + ")$"}, about)
}

func line(about string) object { return describe(object{"type": "string", "minLength": 1}, about) }
func ref(name string) object   { return object{"$ref": "#/$defs/" + name} }
func flagOf(about string) object {
	return describe(object{"type": "boolean"}, about)
}
func price(about string) object {
	return describe(object{"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1_000_000}, about)
}
func whole(about string, least, most int) object {
	return describe(object{"type": "integer", "minimum": least, "maximum": most}, about)
}
func choiceOf(about string, values ...string) object {
	return describe(object{"type": "string", "enum": values}, about)
}
func listOf(about string, items object) object {
	return describe(object{"type": "array", "minItems": 1, "items": items}, about)
}
func keys(about string, required []string, properties object) object {
	s := object{"type": "object", "additionalProperties": false, "properties": properties}
	if required != nil {
		s["required"] = required
	}
	return describe(s, about)
}
func parametersOf(about string, may func(param.Field) bool, value object) object {
	properties := object{}
	for _, f := range param.Fields {
		if may(f) {
			properties[f.Name] = value
		}
	}
	return keys(about, nil, properties)
}

// atLeastOne requires a key.
func atLeastOne(s object) object {
	s["minProperties"] = 1
	return s
}

func objectKinds() (kinds []string) {
	for _, kind := range envelope.Objects {
		kinds = append(kinds, string(kind))
	}
	return kinds
}

func regionIDs() (ids []string) {
	for _, r := range param.Regions {
		ids = append(ids, r.ID)
	}
	return ids
}

// TestPolicySchemaIsCurrent compares docs/policy.schema.json with the constants of the loader.
func TestPolicySchemaIsCurrent(t *testing.T) {
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(schema()); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(schemaFile); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is not what the loader reads (error %v): look at the difference after make generate", schemaFile, err)
	}
}

// compiled returns the schema in docs, compiled by a foreign validator.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	file, err := os.Open(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	doc, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("policy.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("policy.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON converts a policy in YAML as editors do.
func asJSON(t interface{ Fatal(...any) }, text []byte) any {
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return toJSON(t, v)
}

// toJSON converts a value of YAML to one of JSON.
func toJSON(t interface{ Fatal(...any) }, v any) any {
	encoded, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// everything is a policy that has every key at least once.
const everything = `version: 1
enabled: true
defaults: {cooldown: 15m, rate: {burst: 5, per: 1h}, requests: {burst: 60, per: 1m}}
accounts:
  - {alias: own, display_name: {en: Own, zh: 自有}, enabled: true, account_id: "1234567890123456", access: own, regions: [cn-hangzhou], rate: {burst: 2, per: 1h}, daily_jobs: 4}
  - {alias: prod, display_name: Prod, enabled: true, account_id: "2234567890123456", access: assume_role, role: portal, external_id_env: EXTERNAL, session: 15m, regions: [cn-hangzhou]}
  - {alias: other, enabled: false, account_id: "3234567890123456", access: hbr_cross_account, role: cross, through: prod, regions: [cn-hangzhou]}
teams:
  - {name: web, display_name: Web, daily_jobs: 3, members: [{issuer: "https://id.example", subject: "1"}, {issuer: demo, group: g}, {issuer: "https://id.example", email_domain: a.example}, {source: ci}, {event: timer}]}
tokens:
  - {source: ci, id: t1, sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", not_after: "2027-02-24T12:00:00Z"}
pipelines:
  - {name: deploy, issuer: "https://ci.example", audience: portal, identified_by: [repository], claims: {repository: a/b, ref: "refs/heads/*"}}
sources:
  - name: alerts
    kind: standard
    tolerance: 5m
    keys: [{id: k1, secret_env: SECRET, not_after: "2027-02-24T12:00:00Z"}]
    when: [{pointer: /status, equals: firing}]
    submission: {Account: prod, Region: cn-hangzhou, InstanceId: {pointer: /i}, Retention: "7"}
  - name: plain
    kind: bearer
    key: body
    keys: [{id: k1, sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", not_after: "2027-02-24T12:00:00Z"}]
    submission: {Account: prod, Region: cn-hangzhou, InstanceId: i-a, Retention: "7"}
rules:
  - id: one
    teams: [web]
    actions: [backup.create, backup.view, backup.cancel]
    reason: {en: why, zh: 原因}
    owner: {en: us, zh: 我们}
    accounts: [own, prod]
    regions: [cn-hangzhou]
    source_types: [UDM_ECS, ECS_FILE, CONTAINER]
    instances: [i-a]
    instance_prefixes: [i-b]
    clusters: [cc-a]
    vaults: [v-a]
    retention_days: {min: 1, max: 30, default: 7}
    copy: {regions: [cn-hangzhou], retention_days: {min: 1, max: 3}}
    scripts: [/a/b]
    defaults: {SpeedLimit: "0:24:1024"}
    enforced: {Options.UseVSS: "false"}
    cooldown: 5m
    why: required
    ticket: {pattern: "OPS-[0-9]+", required: true, example: OPS-1}
    receivers: [chat]
  - {id: two, teams: [web], actions: [backup.create, backup.view], owner: us, accounts: [own], regions: [cn-hangzhou], source_types: [ECS_FILE, CONTAINER], instance_tags: {a: b}, any_cluster: true, any_vault: true, retention_days: {min: 1, max: 2}, skip_cooldown: true}
  - {id: three, teams: [web], actions: [backup.view], accounts: [own], regions: [cn-hangzhou], source_types: [UDM_ECS], any_instance: true}
operators: [web]
notifications:
  environment: production
  receivers:
    - {name: hook, kind: webhook, url_env: URL, secret_env: SECRET, events: [failed], accounts: [prod], private: true}
    - {name: chat, kind: slack, url_env: URL, events: [rejected], language: zh}
    - {name: mail, kind: email, host: mail.example.com, port: 587, tls: starttls, from: a@b.example, to: [c@d.example], user_env: EXTERNAL, secret_env: SECRET, events: [failed], private: true}
prices: {currency: CNY, date: "2026-10-01", regions: [cn-hangzhou], owner: us, reason: {en: list, zh: 目录价}, snapshot_storage: 0.12, vault_storage: 0.2, software_fee: 5, copy_traffic: 0.3}
presets:
  - {name: nightly, title: {en: n1, zh: n2}, description: {en: d1, zh: d2}, values: {SourceType: UDM_ECS, Retention: "14"}}
  - {name: upload, title: {en: u1, zh: u2}, description: {en: d3, zh: d4}, values: {Account: own, Region: cn-hangzhou, InstanceId: i-a, Retention: "14"}}
expectations:
  - {name: daily, team: web, account: own, region: cn-hangzhou, instances: [i-a], every: 24h}
  - {name: tagged, team: web, account: own, region: cn-hangzhou, instance_tags: {a: b}, every: 24h}
objects:
  - {event: oss, bucket: uploads, prefix: ready/, suffix: .ok, preset: upload}
`

// secrets answers for the variables of everything.
func secrets(name string) string {
	return map[string]string{
		"EXTERNAL": "0123456789", "URL": "https://hooks.example.com/x", "SECRET": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
	}[name]
}

// TestPolicySchemaAcceptsPolicies validates policies that Load accepts.
func TestPolicySchemaAcceptsPolicies(t *testing.T) {
	s := compiled(t)
	for name, text := range map[string]string{
		"everything": everything, "base": base, "example": readFile(t, "../../docs/policy.example.yaml"), "demo": readFile(t, "../cmd/local/policy.yaml"),
	} {
		if err := s.Validate(asJSON(t, []byte(text))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load([]byte(everything), secrets); err != nil {
		t.Errorf("everything: %v", err)
	}
	rapid.Check(t, func(t *rapid.T) {
		text, err := yaml.Marshal(drawPolicy(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(asJSON(t, text)); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	})
}

// A mutant is everything with one change.
type mutant struct {
	policy any
	path   string // path of the changed value, as in a [Problem]
	what   string
	local  bool // the change is wrong by itself, so the schema must refuse it if Load does
}

// mutants returns every value of a policy changed in every way: replaced by values of other types and by odd
// texts, removed, and with a key that does not exist.
func mutants(t *testing.T) (all []mutant) {
	var original any
	if err := yaml.Unmarshal([]byte(everything), &original); err != nil {
		t.Fatal(err)
	}
	fresh := func() any { return clone(original) }
	var walk func(v any, path string, set func(root any, with any), remove func(root any))
	walk = func(v any, path string, set func(root, with any), remove func(root any)) {
		change := func(what string, local bool, do func(root any)) {
			root := fresh()
			do(root)
			all = append(all, mutant{root, path, what, local})
		}
		if path != "" {
			for _, with := range []any{"odd TEXT ünd\tmore", 1, -1.5, true, []any{}, map[string]any{}, nil} {
				change(fmt.Sprintf("is %#v", with), true, func(root any) { set(root, with) })
			}
			change("is long", true, func(root any) { set(root, strings.Repeat("x", 2000)) })
		}
		if remove != nil {
			change("is removed", true, remove)
		}
		switch v := v.(type) {
		case map[string]any:
			change("has an unknown key", true, func(root any) {
				if path == "" {
					root.(map[string]any)["unknown_key"] = "x"
					return
				}
				m := maps.Clone(v)
				m["unknown_key"] = "x"
				set(root, m)
			})
			for key := range v {
				at := place{path: path}.at(key, nil).path
				in := func(root any) map[string]any { return lookUp(root, path).(map[string]any) }
				walk(v[key], at, func(root, with any) { in(root)[key] = with }, func(root any) { delete(in(root), key) })
			}
		case []any:
			for i := range v {
				walk(v[i], fmt.Sprintf("%s[%d]", path, i), func(root, with any) { lookUp(root, path).([]any)[i] = with }, nil)
			}
		}
	}
	walk(fresh(), "", nil, nil)
	return all
}

// clone returns a copy of a value of YAML.
func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for key, value := range v {
			m[key] = clone(value)
		}
		return m
	case []any:
		all := make([]any, len(v))
		for i, value := range v {
			all[i] = clone(value)
		}
		return all
	}
	return v
}

// lookUp returns the value at a path.
func lookUp(v any, path string) any {
	for path != "" {
		path = strings.TrimPrefix(path, ".")
		switch {
		case strings.HasPrefix(path, "["):
			var i int
			fmt.Sscanf(path, "[%d]", &i)
			v, path = v.([]any)[i], path[strings.Index(path, "]")+1:]
		case strings.HasPrefix(path, `"`):
			end := strings.Index(path[1:], `"`) + 1
			v, path = v.(map[string]any)[path[1:end]], path[end+1:]
		default:
			end := strings.IndexAny(path+".", ".[")
			v, path = v.(map[string]any)[path[:end]], path[end:]
		}
	}
	return v
}

// beyond lists parts of problems that need more than the place itself: another key, the environment, or a
// list of the portal. The schema may accept such a value.
var beyond = []string{
	"write the ids of instances", "write a time of", "the change of an object has no values", "an earlier entry", "does not exist", "is not set", "has no effect", "cannot be used", "there is no preset", "another ", "contradicts", "is also in", "is below min",
	"is not from ", "no account ", "add events, or the name", "gets no messages about", "is a regular expression", "is not a regular expression", "does not match pattern", "matches an empty", "or write ", "needs it",
	"add backup.view", "add one of", "is missing: write a value", "to claims", "identify a project", "requires", "is too long", "is too short", "would match every", "single *",
	"no day of the calendar", "is not a valid time", "control characters", "is not a JSON pointer", "write a time from", "has no price", "write the path without", "write the value of",
}

// TestPolicySchemaAgreesWithLoader changes each value of a policy in each way. What Load accepts, the schema
// accepts; what Load refuses because of the value itself, the schema refuses.
func TestPolicySchemaAgreesWithLoader(t *testing.T) {
	s := compiled(t)
	checked, accepted, refused := 0, 0, 0
	every := 1
	if testing.Short() {
		every = 5
	}
	for i, m := range mutants(t) {
		if i%every != 0 {
			continue
		}
		text, err := yaml.Marshal(m.policy)
		if err != nil {
			t.Fatal(err)
		}
		_, loadErr := Load(text, secrets)
		schemaErr := s.Validate(toJSON(t, m.policy))
		checked++
		switch {
		case loadErr == nil:
			accepted++
			if schemaErr != nil {
				t.Errorf("%s %s: Load accepts it, the schema does not: %v", m.path, m.what, schemaErr)
			}
		case schemaErr == nil:
			problems, _ := errors.AsType[LoadError](loadErr)
			for _, p := range problems {
				known := slices.ContainsFunc(beyond, func(part string) bool { return strings.Contains(p.Text, part) })
				value := strings.Contains(p.Path, "submission.") || strings.Contains(p.Path, ".values.") || strings.Contains(p.Path, "defaults.\"") || strings.Contains(p.Path, "enforced.\"") ||
					strings.Contains(p.Path, "values.") // values of parameters: package param knows their forms
				if !known && !value {
					t.Errorf("%s %s: the schema accepts it, Load does not: %v", m.path, m.what, p)
				}
			}
		default:
			refused++
		}
	}
	if checked < 1200/every || refused < 1000/every || every == 1 && accepted < 80 {
		t.Errorf("%d changes, %d accepted, %d refused: too few to mean something", checked, accepted, refused)
	}
	t.Logf("%d changes, %d accepted, %d refused by both", checked, accepted, refused)
}

// TestPolicySchemaHasTheLoadersKeys compares the keys of each mapping with those that Load names.
func TestPolicySchemaHasTheLoadersKeys(t *testing.T) {
	used := map[string]bool{}
	for _, m := range mutants(t) {
		if m.what != "has an unknown key" {
			used[m.path] = true
		}
	}
	// Every key of the schema is in everything; its values are compared by the test above.
	var walk func(s any, name string)
	missing := func(name string) bool {
		for path := range used {
			if path == name || strings.HasSuffix(path, "."+name) || strings.HasSuffix(path, `."`+name+`"`) {
				return false
			}
		}
		return true
	}
	fields := map[string]bool{}
	for _, f := range param.Fields {
		fields[f.Name] = true
	}
	walk = func(s any, name string) {
		switch s := s.(type) {
		case map[string]any:
			if properties, ok := s["properties"].(map[string]any); ok {
				for key := range properties {
					if !fields[key] && missing(key) {
						t.Errorf("the schema has the key %s, which the test's policy does not have", key)
					}
				}
			}
			for key, value := range s {
				walk(value, key)
			}
		case []any:
			for _, value := range s {
				walk(value, name)
			}
		}
	}
	walk(schema(), "")
	for _, m := range mutants(t) {
		if m.what != "has an unknown key" {
			continue
		}
		text, err := yaml.Marshal(m.policy)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Load(text, secrets)
		problems, _ := errors.AsType[LoadError](err)
		for _, p := range problems {
			_, list, ok := strings.Cut(p.Text, "is not a known key here: use ")
			if !ok {
				continue
			}
			for key := range strings.SplitSeq(list, ", ") {
				if !fields[key] && missing(key) {
					t.Errorf("Load reads the key %s in %s, which the test's policy and perhaps the schema do not have", key, m.path)
				}
			}
		}
	}
}
