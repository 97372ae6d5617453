package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestLoadRefusesInvalidChanges makes one invalid change to the test policy base in each case.
// It proves that Load reports the problem on the right line: the line where the text at begins
// or, if at is empty, where the changed text begins.
func TestLoadRefusesInvalidChanges(t *testing.T) {
	for _, c := range []struct {
		name, from, to string
		at             string
		path, text     string
	}{
		{"misspelt field", "owner:", "ownr:", "", "rules[0].ownr", "is not a known key here: use id, teams"},
		{"key of a later version", "enabled: true\naccounts", "enabled: true\ngroups: [a]\naccounts", "groups", "groups", "is not a known key here: use version, enabled, accounts, defaults, teams, tokens, pipelines, sources, rules"},
		{"cooldown: 15", "enabled: true\naccounts", "enabled: true\ndefaults: {cooldown: 15}\naccounts", "15}", "defaults.cooldown", "write a text"},
		{"cooldown in days", "enabled: true\naccounts", "enabled: true\ndefaults: {cooldown: 1d}\naccounts", "1d", "defaults.cooldown", "a time such as 30s"},
		{"cooldown of a year", "enabled: true\naccounts", "enabled: true\ndefaults: {cooldown: 8760h}\naccounts", "8760h", "defaults.cooldown", "is too long"},
		{"rate of nothing", "enabled: true\naccounts", "enabled: true\ndefaults: {rate: {burst: 0, per: 1h}}\naccounts", "0, per", "defaults.rate.burst", "write 1 to"},
		{"rate without its time", "enabled: true\naccounts", "enabled: true\ndefaults: {rate: {burst: 1}}\naccounts", "{burst", "defaults.rate.per", "is missing"},
		{"rate too fast", "enabled: true\naccounts", "enabled: true\ndefaults: {rate: {burst: 5000, per: 1s}}\naccounts", "1s}", "defaults.rate.per", "is too short"},
		{"quota below nothing", "    access: own", "    daily_jobs: -1\n    access: own", "-1", "accounts[1].daily_jobs", "a whole number"},
		{"quota beyond reason", "    access: own", "    daily_jobs: 100001\n    access: own", "100001", "accounts[1].daily_jobs", "100000 or fewer"},
		{"skip_cooldown: no", "any_instance: true", "any_instance: true\n    skip_cooldown: no", "no\n    clusters", "rules[1].skip_cooldown", "write true or false"},
		{"cooldown and none", "any_instance: true", "any_instance: true\n    cooldown: 1m\n    skip_cooldown: true", "true\n    clusters", "rules[1].skip_cooldown", "contradicts cooldown"},
		{"empty team list", "id: short\n    teams: [payments]", "id: short\n    teams: []", "[]", "rules[1].teams", "is an empty list"},
		{"unknown team", "id: short\n    teams: [payments]", "id: short\n    teams: [paymnts]", "paymnts", "rules[1].teams[0]", `the team "paymnts" does not exist`},
		{"no teams", "id: short\n    teams: [payments]\n", "id: short\n", "id: short", "rules[1].teams", "is missing"},
		{"no actions", "    actions: [backup.create, backup.view]\n", "", "id: short", "rules[1].actions", "is missing"},
		{"unknown action", "[backup.create, backup.view]", "[backup.create, backup.read]", "backup.read", "rules[1].actions[1]", "use one of backup.create, backup.view, backup.cancel"},
		{"creating without viewing", "[backup.create, backup.view]", "[backup.create]", "[backup.create]", "rules[1].actions", "add backup.view"},
		{"cancelling without viewing", "[backup.create, backup.view]", "[backup.cancel]", "[backup.cancel]", "rules[1].actions", "add backup.view"},
		{"retention of a viewer", "[backup.create, backup.view]", "[backup.view]", "{min: 1, max: 7}", "rules[1].retention_days", "has no effect without backup.create"},
		{"vaults of a viewer", "[backup.create, backup.view]", "[backup.view]", "true\n    retention_days: {min: 1", "rules[1].any_vault", "has no effect without backup.create"},
		{"no vaults", "    any_vault: true\n", "", "id: short", "rules[1].vaults", "or write any_vault: true"},
		{"vaults of instances", "[i-web1, i-web2]", "[i-web1, i-web2]\n    any_vault: true", "true\n    retention_days: {min: 2", "rules[0].any_vault", "has no effect"},
		{"vault id", "any_vault: true", "vaults: [w-1]", "w-1", "rules[1].vaults[0]", "is not valid"},
		{"prefix of all", "any_instance: true", "instance_prefixes: [i-]", "i-]", "rules[1].instance_prefixes[0]", "is not valid"},
		{"prefix and any_instance", "any_instance: true", "any_instance: true\n    instance_prefixes: [i-a]", "[i-a]", "rules[1].instance_prefixes", "contradicts any_instance"},
		{"tags that are none", "any_instance: true", "instance_tags: web", "web\n", "rules[1].instance_tags", "write the tags here"},
		{"no tags", "any_instance: true", "instance_tags: {}", "{}", "rules[1].instance_tags", "every instance"},
		{"tag without a value", "any_instance: true", "instance_tags: {team: }", "}\n    clusters", "rules[1].instance_tags.team", "is empty"},
		{"tag that is a number", "any_instance: true", "instance_tags: {team: 1}", "1}\n    clusters", "rules[1].instance_tags.team", "put it in quotes"},
		{"tag that is a list", "any_instance: true", "instance_tags: {team: [web]}", "[web]", "rules[1].instance_tags.team", "write a text"},
		{"tag key that is a boolean", "any_instance: true", "instance_tags: {true: x}", "true: x", "rules[1].instance_tags.true", "put it in quotes"},
		{"tag given twice", "instances: [i-web1, i-web2]", "instance_tags: {team: web, team: data}", "team: data", "rules[0].instance_tags.team", "already has it"},
		{"tag of 129 characters", "any_instance: true", "instance_tags: {team: x" + strings.Repeat("y", 128) + "}", "xy", "rules[1].instance_tags.team", "1 to 128 characters"},
		{"tags beside instances", "[i-web1, i-web2]", "[i-web1, i-web2]\n    instance_tags: {team: web}", "{team", "rules[0].instance_tags", "cannot be combined"},
		{"tags beside prefixes", "instances: [i-web1, i-web2]", "instance_prefixes: [i-web]\n    instance_tags: {team: web}", "{team", "rules[0].instance_tags", "cannot be combined"},
		{"tags beside any_instance", "any_instance: true", "any_instance: true\n    instance_tags: {team: web}", "{team", "rules[1].instance_tags", "cannot be combined"},
		{"tags across accounts", "any_instance: true", "instance_tags: {team: web}", "{team", "rules[1].instance_tags", "cannot be used with account idle"},
		{"team given twice", "teams:\n", "teams:\n  - name: payments\n    members: [{source: ci}]\n", "payments\n    members:\n", "teams[1].name", "another team"},
		{"team of nobody", "    members:\n      - {issuer: \"https://sso.example.com\", group: oncall}\n      - {source: ci}\n", "    members: []\n", "[]", "teams[0].members", "is an empty list"},
		{"member with source and group", "group: oncall}", "group: oncall, source: ci}", "{issuer", "teams[0].members[0]", "write one of"},
		{"member with two claims", "group: oncall}", "group: oncall, subject: x}", "{issuer", "teams[0].members[0]", "write one of"},
		{"member with nothing", "{source: ci}", "{}", "{}", "teams[0].members[1]", "write one of"},
		{"claim without its issuer", "{issuer: \"https://sso.example.com\", group: oncall}", "{group: oncall}", "{group", "teams[0].members[0].issuer", "is missing"},
		{"issuer of a source", "{source: ci}", "{source: ci, issuer: \"https://a.example\"}", "\"https://a", "teams[0].members[1].issuer", "has no effect with source"},
		{"issuer that is no URL", "https://sso.example.com", "sso.example.com", "\"sso", "teams[0].members[0].issuer", "is not valid"},
		{"domain with an at sign", "group: oncall", "email_domain: \"@example.com\"", "\"@", "teams[0].members[0].email_domain", "is not valid"},
		{"domain with capitals", "group: oncall", "email_domain: Example.com", "Example.com", "teams[0].members[0].email_domain", "is not valid"},
		{"unknown kind of event", "{source: ci}", "{event: cron}", "cron", "teams[0].members[1].event", "use one of direct"},
		{"usual retention out of range", "{min: 1, max: 7}", "{min: 1, max: 7, default: 8}", "8}", "rules[1].retention_days.default", "is not from 1 to 7"},
		{"usual retention of a copy", "{min: 3, max: 20}", "{min: 3, max: 20, default: 4}", "default: 4", "rules[0].copy.retention_days.default", "is not a known key here"},
		{"unknown parameter", "owner: platform team", "enforced: {SpeedLimits: \"0:24:1\"}", "SpeedLimits", "rules[0].enforced.\"SpeedLimits\"", "is not a known key here"},
		{"parameter of another key", "owner: platform team", "enforced: {Retention: \"7\"}", "Retention", "rules[0].enforced.\"Retention\"", "is not a known key here"},
		{"parameter with a wrong value", "owner: platform team", "enforced: {SpeedLimit: fast}", "fast", "rules[0].enforced.\"SpeedLimit\"", "Each limit must be"},
		{"number as a parameter", "owner: platform team", "defaults: {Detail.timeoutInSeconds: 60}", "60}", "rules[0].defaults.\"Detail.timeoutInSeconds\"", "put it in quotes"},
		{"both default and enforced", "owner: platform team", "defaults: {SpeedLimit: \"0:24:1024\"}\n    enforced: {SpeedLimit: \"0:24:1024\"}", "{SpeedLimit", "rules[0].enforced", "is also in defaults"},
		{"reason of another kind", "owner: platform team", "why: always", "always", "rules[0].why", "use one of required, optional"},
		{"reason as a default", "owner: platform team", "defaults: {Reason: nightly}", "Reason", "rules[0].defaults.\"Reason\"", "is not a known key here"},
		{"pattern with a mistake", "owner: platform team", "ticket: {pattern: \"OPS-(\"}", "\"OPS-(", "rules[0].ticket.pattern", "is not a regular expression (RE2)"},
		{"pattern of nothing", "owner: platform team", "ticket: {pattern: \".*\"}", "\".*", "rules[0].ticket.pattern", "matches an empty ticket"},
		{"long pattern", "owner: platform team", "ticket: {pattern: " + strings.Repeat("x", 201) + "}", "xxx", "rules[0].ticket.pattern", "is longer than 200"},
		{"other example", "owner: platform team", "ticket: {pattern: \"OPS-[0-9]+\", example: CHG-1}", "CHG-1", "rules[0].ticket.example", "does not match pattern"},
		{"example with a blank", "owner: platform team", "ticket: {example: \"OPS 1\"}", "\"OPS 1", "rules[0].ticket.example", "must not contain blanks"},
		{"ticket without keys", "owner: platform team", "ticket: {}", "{}", "rules[0].ticket", "is empty"},
		{"nothing enforced", "owner: platform team", "enforced: {}", "{}", "rules[0].enforced", "is empty"},
		{"key in other case", "owner:", "Owner:", "", `rules[0]."Owner"`, "is not a known key here"},
		{"unknown key in copy", "      regions: [cn-shanghai]", "      any_region: true\n      regions: [cn-shanghai]", "any_region", "rules[0].copy.any_region", "use regions, retention_days"},

		{"version 2", "version: 1", "version: 2", "version: 2", "version", "write 1"},
		{"version in quotes", "version: 1", `version: "1"`, `"1"`, "version", "without quotes"},
		{"version in octal", "version: 1", "version: 01", "version: 01", "version", "a whole number"},
		{"no version", "version: 1\n", "", "enabled: true\naccounts", "version", "is missing"},
		{"no enabled", "version: 1\nenabled: true", "version: 1", "version", "enabled", "is missing"},
		{"no enabled in an account", "alias: sandbox\n    enabled: true", "alias: sandbox", "", "accounts[1].enabled", "is missing"},
		{"second enabled", "enabled: true\naccounts", "enabled: true\nenabled: true\naccounts", "enabled: true\naccounts", "enabled", "line 2 already has it"},
		{"enabled: no", "enabled: false", "enabled: no", "no\n", "accounts[2].enabled", "write true or false"},
		{"enabled: on", "enabled: false", "enabled: on", "on\n", "accounts[2].enabled", "write true or false"},
		{"enabled: True", "enabled: false", "enabled: True", "True", "accounts[2].enabled", "write true or false"},
		{"enabled in quotes", "enabled: false", `enabled: "true"`, `"true"`, "accounts[2].enabled", "without quotes"},

		{"anchor", "role: portal-backup", "role: &r portal-backup", "&r", "accounts[0].role", "anchors are not supported: remove &r"},
		{"anchor of a key", "role: portal-backup", "&r role: portal-backup", "&r", "accounts[0]", "keys must be plain words"},
		{"alias", "owner: platform team", "owner: &o platform team\n    id: *o", "*o", "rules[0].id", "aliases are not supported"},
		{"merge key", "owner: platform team", "<<: {owner: platform team}", "<<", `rules[0]."<<"`, "merge keys are not supported"},
		{"tag", "owner: platform team", "owner: !!str platform team", "!!str", "rules[0].owner", "tags are not supported: remove !!str"},
		{"own tag", "owner: platform team", "owner: !team platform", "!team", "rules[0].owner", "tags are not supported: remove !team"},
		{"binary", "owner: platform team", "owner: !!binary cGxhdGZvcm0=", "!!binary", "rules[0].owner", "tags are not supported"},
		{"list as key", "owner: platform team", "? [owner]\n    : platform team", "[owner]", "rules[0]", "keys must be plain words"},

		{"empty list of instances", "[i-web1, i-web2]", "[]", "[]", "rules[0].instances", "is an empty list"},
		{"instances with nothing", "instances: [i-web1, i-web2]", "instances:", "\n    retention_days: {min: 2", "rules[0].instances", "is empty"},
		{"role with nothing", "role: portal-backup", "role:", "\n    external_id_env", "accounts[0].role", "is empty"},
		{"role: null", "role: portal-backup", "role: null", "null", "accounts[0].role", "is empty"},
		{"role: ~", "role: portal-backup", "role: ~", "~", "accounts[0].role", "is empty"},
		{"blank owner", "owner: platform team", `owner: " "`, `" "`, "rules[0].owner", "is empty"},
		{"two lines of owner", "owner: platform team", `owner: "a\nb"`, `"a\n`, "rules[0].owner", "a single line"},
		{"owner: no", "owner: platform team", "owner: no", "no\n    accounts: [prod]", "rules[0].owner", "put a text in quotes"},
		{"number as owner", "owner: platform team", "owner: 12", "12\n", "rules[0].owner", "put it in quotes"},
		{"list as owner", "owner: platform team", "owner: [platform]", "[platform]", "rules[0].owner", "write a text"},
		{"text as list", "accounts: [prod]", "accounts: prod", "prod\n    regions: [cn-hangzhou]\n    source", "rules[0].accounts", "write a list"},
		{"text as copy", "copy:\n      regions: [cn-shanghai]\n      retention_days: {min: 3, max: 20}", "copy: cn-shanghai", "cn-shanghai\n", "rules[0].copy", "write a mapping with the keys"},
		{"reason in one language", `, zh: "快照会产生费用"`, "", "{en", "rules[0].reason.zh", "is missing"},
		{"reason as text", `{en: "Snapshots cost money", zh: "快照会产生费用"}`, "money", "money", "rules[0].reason", "write a mapping with the keys en, zh"},

		{"alias with capitals", "alias: prod", "alias: Prod", "Prod", "accounts[0].alias", "is not valid"},
		{"alias given twice", "alias: sandbox", "alias: prod", "prod\n    enabled: true\n    account_id: \"2", "accounts[1].alias", "another account"},
		{"rule given twice", "id: short", "id: payments-prod", "payments-prod\n    teams: [payments]\n    actions: [backup.create, backup.view]\n    accounts: [sandbox", "rules[1].id", "another rule"},
		{"long name", "id: short", "id: s" + strings.Repeat("x", 63), "sx", "rules[1].id", "is not valid"},
		{"account id without quotes", `"2234567890123456"`, "2234567890123456", "", "accounts[1].account_id", "put the 16 digits in quotes"},
		{"account id of 15 digits", `"2234567890123456"`, `"223456789012345"`, "", "accounts[1].account_id", "16 digits"},
		{"account id of 17 digits", `"2234567890123456"`, `"22345678901234561"`, "", "accounts[1].account_id", "16 digits"},
		{"unknown access", "access: own", "access: owner", "access: owner", "accounts[1].access", "use one of own, assume_role, hbr_cross_account"},
		{"role of the own account", "access: own", "access: own\n    role: x", "x\n", "accounts[1].role", "has no effect with access: own"},
		{"no role", "    role: portal-backup\n", "", "alias: prod", "accounts[0].role", "requires the name of a role"},
		{"no role across accounts", "    role: hbrcrossrole\n", "", "alias: idle", "accounts[2].role", "requires the name of a role"},
		{"role as ARN", "role: portal-backup", "role: acs:ram::1234567890123456:role/x", "acs", "accounts[0].role", "the role's name only"},
		{"external id of the own account", "access: own", "access: own\n    external_id_env: EXTERNAL_ID_PROD", "EXTERNAL_ID_PROD\n    regions: [cn-hangzhou]", "accounts[1].external_id_env", "has no effect with access: own"},
		{"external id across accounts", "role: hbrcrossrole", "role: hbrcrossrole\n    external_id_env: EXTERNAL_ID_PROD", "EXTERNAL_ID_PROD\n    regions: [cn-beijing]", "accounts[2].external_id_env", "has no effect with access: hbr_cross_account"},
		{"external id not set", "EXTERNAL_ID_PROD", "EXTERNAL_ID_OTHER", "", "accounts[0].external_id_env", "EXTERNAL_ID_OTHER is not set"},
		{"unknown region of an account", "regions: [cn-beijing]", "regions: [cn-nowhere]", "cn-nowhere", "accounts[2].regions[0]", "Cloud Backup does not support region"},
		{"region as host", "regions: [cn-beijing]", "regions: [cn-hangzhou.evil.example]", "cn-hangzhou.evil", "accounts[2].regions[0]", "Cloud Backup does not support region"},

		{"unknown account", "accounts: [prod]", "accounts: [prod, pord]", "pord", "rules[0].accounts[1]", "does not exist: add it to accounts"},
		{"no accounts", "    accounts: [prod]\n", "", "id: payments-prod", "rules[0].accounts", "is missing"},
		{"unknown region", "regions: [cn-hangzhou, cn-beijing]", "regions: [cn-hangzhou, cn-bejing]", "cn-bejing", "rules[1].regions[1]", "Cloud Backup does not support region"},
		{"region of no account", "regions: [cn-hangzhou, cn-beijing]", "regions: [cn-hangzhou, cn-shenzhen]", "cn-shenzhen", "rules[1].regions[1]", "no account of this rule"},
		{"unknown region of the copy", "      regions: [cn-shanghai]", "      regions: [shanghai]", "shanghai]", "rules[0].copy.regions[0]", "Cloud Backup does not support region"},
		{"unknown source type", "[UDM_ECS]", "[udm_ecs]", "udm_ecs", "rules[0].source_types[0]", "use one of UDM_ECS, ECS_FILE, CONTAINER"},
		{"instances and any_instance", "any_instance: true", "any_instance: true\n    instances: [i-x]", "[i-x]", "rules[1].instances", "contradicts any_instance"},
		{"neither of them", "    any_instance: true\n", "", "id: short", "rules[1].instances", "or write any_instance: true"},
		{"any_instance: false", "any_instance: true", "any_instance: false", "id: short", "rules[1].instances", "or write any_instance: true"},
		{"clusters and any_cluster", "clusters: [cc-0001]", "clusters: [cc-0001]\n    any_cluster: true", "[cc-0001]", "rules[1].clusters", "contradicts any_cluster"},
		{"no clusters", "    clusters: [cc-0001]\n", "", "id: short", "rules[1].clusters", "or write any_cluster: true"},
		{"clusters without containers", "[ECS_FILE, CONTAINER]", "[ECS_FILE]", "[cc-0001]", "rules[1].clusters", "has no effect"},
		{"any_cluster without containers", "[i-web1, i-web2]", "[i-web1, i-web2]\n    any_cluster: true", "true\n    retention_days: {min: 2", "rules[0].any_cluster", "has no effect"},
		{"any_instance of containers alone", "[ECS_FILE, CONTAINER]", "[CONTAINER]", "true\n    clusters", "rules[1].any_instance", "has no effect"},
		{"instance id with capitals", "i-web2", "i-WEB2", "", "rules[0].instances[1]", "is not valid"},
		{"instance id prefix", "i-web2", "i-web*", "", "rules[0].instances[1]", "is not valid"},
		{"cluster id", "[cc-0001]", "[c-0001]", "c-0001", "rules[1].clusters[0]", "is not valid"},
		{"min 0", "{min: 1, max: 7}", "{min: 0, max: 7}", "0, max: 7", "rules[1].retention_days.min", "1 or more"},
		{"max below min", "{min: 1, max: 7}", "{min: 8, max: 7}", "7}", "rules[1].retention_days.max", "is below min, which is 8"},
		{"max beyond the service", "{min: 1, max: 7}", "{min: 1, max: 364636}", "364636", "rules[1].retention_days.max", "364635 or fewer"},
		{"no max", "{min: 1, max: 7}", "{min: 1}", "{min: 1}", "rules[1].retention_days.max", "is missing"},
		{"days with a unit", "{min: 1, max: 7}", "{min: 1, max: 7d}", "7d", "rules[1].retention_days.max", "a whole number"},
		{"days in words", "max: 20}", "max: many}", "many", "rules[0].copy.retention_days.max", "a whole number"},
		{"no retention", "    retention_days: {min: 1, max: 7}\n", "", "id: short", "rules[1].retention_days", "is missing"},
		{"copy without retention", "      retention_days: {min: 3, max: 20}\n", "", "regions: [cn-shanghai]", "rules[0].copy.retention_days", "is missing"},
		{"empty list of scripts", "[/opt/backup/pre.sh, /opt/backup/post.sh]", "[]", "[]", "rules[0].scripts", "is an empty list"},
		{"script with dots", "/opt/backup/post.sh", "/opt/../post.sh", "", "rules[0].scripts[1]", "without “..”"},
		{"relative script", "/opt/backup/post.sh", "post.sh", "", "rules[0].scripts[1]", "an absolute path"},
		{"script with a parameter", "/opt/backup/post.sh", "/opt/post.sh -f", "", "rules[0].scripts[1]", "an absolute path"},
		{"folder as script", "/opt/backup/post.sh", "/opt/backup/", "", "rules[0].scripts[1]", "an absolute path"},
		{"second document", "    retention_days: {min: 1, max: 7}\n", "    retention_days: {min: 1, max: 7}\n---\nversion: 1\n", "---", "", "a second document"},
		{"broken second document", "    retention_days: {min: 1, max: 7}\n", "    retention_days: {min: 1, max: 7}\n---\n[\n", "[", "", "not yaml"},
		{"not yaml", "alias: sandbox", "alias: sandbox: x", "", "", "not yaml: mapping values are not allowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := change(t, base, c.from, c.to)
			at := strings.Index(base, c.from)
			if c.at != "" {
				at = strings.LastIndex(text, c.at)
			}
			line := 1 + strings.Count(text[:at], "\n")
			_, err := Load([]byte(text), environment)
			bad, ok := errors.AsType[LoadError](err)
			if !ok || !slices.ContainsFunc(bad, func(p Problem) bool {
				return p.Line == line && p.Path == c.path && strings.Contains(p.Text, c.text)
			}) {
				t.Errorf("want line %d, %s: …%s…; got\n%v", line, c.path, c.text, err)
			}
		})
	}
}

func TestLoadAcceptsUnusualSpellings(t *testing.T) {
	for name, text := range map[string]string{
		"no rules":               base[:strings.Index(base, "rules:")],
		"no external id":         change(t, base, "    external_id_env: EXTERNAL_ID_PROD\n", ""),
		"any_instance: false":    change(t, base, "[i-web1, i-web2]", "[i-web1, i-web2]\n    any_instance: false"),
		"one day":                change(t, base, "{min: 1, max: 7}", "{min: 1, max: 1}"),
		"as long as can be":      change(t, base, "{min: 1, max: 7}", "{min: 1, max: 364635}"),
		"blocks instead of flow": change(t, base, "accounts: [prod]", "accounts:\n      - prod"),
		"end of document":        base + "...\n",
		"Windows line ends":      strings.ReplaceAll(base, "\n", "\r\n"),
		"longest name":           change(t, base, "id: short", "id: s"+strings.Repeat("x", 62)),
	} {
		if _, err := Load([]byte(text), environment); err != nil {
			t.Errorf("%s:\n%v", name, err)
		}
	}
}

func TestLoadReportsAllProblems(t *testing.T) {
	text := base
	for _, c := range [][2]string{
		{"version: 1", "version: 3"}, {"access: own", "access: mine"}, {"max: 7", "max: 0"}, {"owner:", "own:"}, {"alias: idle", "alias: &x Idle"},
	} {
		text = change(t, text, c[0], c[1])
	}
	_, err := Load([]byte(text), environment)
	const want = `line 1, column 10: version: is not supported: write 1
line 14, column 13: accounts[1].access: "mine" is not a known value: use one of own, assume_role, hbr_cross_account
line 16, column 12: accounts[2].alias: anchors are not supported: remove &x
line 33, column 5: rules[0].own: is not a known key here: use id, teams, actions, accounts, regions, source_types, reason, owner, instances, instance_prefixes, instance_tags, any_instance, clusters, any_cluster, vaults, any_vault, retention_days, copy, scripts, defaults, enforced, cooldown, skip_cooldown, why, ticket, receivers
line 46, column 25: rules[1].accounts[1]: the account "idle" does not exist: add it to accounts, or correct the name
line 52, column 35: rules[1].retention_days.max: is below min, which is 1: write that or more`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestExternalIDNeverPrints(t *testing.T) {
	for _, value := range []string{"x", "canary with spaces", "canary\n", "canary•", strings.Repeat("canary7", 175)} {
		p, err := Load([]byte(base), func(string) string { return value })
		if err == nil || !strings.Contains(err.Error(), "EXTERNAL_ID_PROD") || strings.Contains(err.Error(), "canary") {
			t.Errorf("%.20q: %+v, %v", value, p, err)
		}
	}
	inPlace := change(t, base, "EXTERNAL_ID_PROD", "canary-in-the-wrong-place")
	if _, err := Load([]byte(inPlace), environment); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("in place of the variable: %v", err)
	}
	if s := fmt.Sprintf("%v %+v %#v", *mustLoad(t, base), *mustLoad(t, base), *mustLoad(t, base)); strings.Contains(s, "canary") {
		t.Errorf("the policy prints %s", s)
	}
	for _, n := range []int{2, 1224} {
		if _, err := Load([]byte(base), func(string) string { return strings.Repeat("x", n) }); err != nil {
			t.Errorf("%d characters: %v", n, err)
		}
	}
}

func TestLoadSizeLimit(t *testing.T) {
	for extra, ok := range map[int]bool{0: true, 1: false} {
		text := base + strings.Repeat("#", maxSize-len(base)+extra)
		if _, err := Load([]byte(text), environment); (err == nil) != ok {
			t.Errorf("%d bytes: %v", len(text), err)
		}
	}
}

func TestLoadRefusesEmptyFile(t *testing.T) {
	for _, text := range []string{"", "\n", "# only a remark\n", "---\n", "null\n", "[]\n", "{}\n", "version\n", "\x00", "\xff\xfe"} {
		if p, err := Load([]byte(text), environment); err == nil {
			t.Errorf("%q loads: %+v", text, p)
		}
	}
}
