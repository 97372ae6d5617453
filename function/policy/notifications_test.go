package policy

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/secret"
)

// withReceivers is the test policy base with three receivers of notices.
const withReceivers = base + `notifications:
  environment: production
  receivers:
    - name: incidents
      kind: webhook
      url_env: HOOK_URL
      secret_env: HOOK_SECRET
      events: [failed, partial]
      accounts: [prod]
      private: true
    - name: chat
      kind: dingtalk
      url_env: CHAT_URL
      events: [created]
      language: zh
    - name: on-call
      kind: email
      host: mail.example.com
      from: backup@example.com
      to: [ops@example.com, dba@db.example.com]
      user_env: MAIL_USER
      secret_env: MAIL_PASSWORD
      events: [failed]
`

// hookKey is the key that HOOK_SECRET contains, decoded.
const hookKey = "canary-key-of-32-characters-long"

// receiverEnvironment extends environment with the variables of withReceivers.
func receiverEnvironment(name string) string {
	switch name {
	case "HOOK_URL":
		return "https://hooks.example.com/canary?token=canary"
	case "CHAT_URL":
		return "https://chat.example.com/canary"
	case "MAIL_USER":
		return "canary user"
	case "MAIL_PASSWORD":
		return "canary password"
	case "HOOK_SECRET":
		return "whsec_" + base64.StdEncoding.EncodeToString([]byte(hookKey))
	}
	return environment(name)
}

func TestLoadReceivers(t *testing.T) {
	p, err := Load([]byte(withReceivers), receiverEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	n := p.Notifications()
	want := backup.Notifications{Environment: "production", Receivers: []backup.Receiver{{
		Name: "incidents", Kind: backup.WebhookReceiver, URL: secret.New(receiverEnvironment("HOOK_URL")), Secret: secret.New(hookKey),
		Events: []backup.Event{backup.EventFailed, backup.EventPartial}, Accounts: []string{"prod"}, Language: param.English, Private: true,
	}, {
		Name: "chat", Kind: backup.DingTalk, URL: secret.New(receiverEnvironment("CHAT_URL")),
		Events: []backup.Event{backup.EventCreated}, Language: param.Chinese,
	}, {
		Name: "on-call", Kind: backup.Email, Secret: secret.New("canary password"), Events: []backup.Event{backup.EventFailed}, Language: param.English,
		Mail: backup.Mail{
			Host: "mail.example.com", Port: 465, Implicit: true, From: "backup@example.com", To: []string{"ops@example.com", "dba@db.example.com"},
			User: secret.New("canary user"),
		},
	}}}
	same := cmp.Comparer(func(a, b secret.String) bool { return a.Reveal() == b.Reveal() })
	if diff := cmp.Diff(want, n, same); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s := fmt.Sprintf("%v %+v %#v", n, *p, n); strings.Contains(s, "canary") {
		t.Errorf("the policy prints %s", s)
	}
	if none := mustLoad(t, base).Notifications(); none.Receivers != nil {
		t.Errorf("without the key: %+v", none)
	}
}

// TestLoadRefusesInvalidReceivers makes one invalid change to the key notifications of a policy
// in each case, and proves that Load reports it on the right line.
func TestLoadRefusesInvalidReceivers(t *testing.T) {
	for _, c := range []struct{ name, from, to, path, text string }{
		{"unknown key", "language: zh", "lang: zh", "notifications.receivers[1].lang", "is not a known key here"},
		{"unknown kind", "kind: dingtalk", "kind: teams", "notifications.receivers[1].kind", "use one of webhook, dingtalk, feishu, wecom, slack, email"},
		{"unknown event", "[created]", "[started]", "notifications.receivers[1].events[0]", "use one of created, succeeded"},
		{"no events", "[created]", "[]", "notifications.receivers[1].events", "is an empty list"},
		{"unknown account", "accounts: [prod]\n      private", "accounts: [pord]\n      private", "notifications.receivers[0].accounts[0]", "does not exist: add it to accounts"},
		{"unknown language", "language: zh", "language: fr", "notifications.receivers[1].language", "use one of en, zh"},
		{"name given twice", "name: chat", "name: incidents", "notifications.receivers[1].name", "another receiver"},
		{"name with capitals", "name: chat", "name: Chat", "notifications.receivers[1].name", "is not valid"},
		{"long environment", "environment: production", "environment: " + strings.Repeat("x", 41), "notifications.environment", "at most 40"},
		{"address in place", "url_env: CHAT_URL", "url_env: https://chat.example.com/canary", "notifications.receivers[1].url_env", "the name of an environment variable"},
		{"address not set", "url_env: CHAT_URL", "url_env: OTHER", "notifications.receivers[1].url_env", "OTHER is not set"},
		{"webhook without secret", "      secret_env: HOOK_SECRET\n", "", "notifications.receivers[0].secret_env", "is missing"},
		{"chat's secret not set", "language: zh", "secret_env: OTHER", "notifications.receivers[1].secret_env", "OTHER is not set"},
		{"wecom with a secret", "kind: dingtalk", "kind: wecom\n      secret_env: HOOK_SECRET", "notifications.receivers[1].secret_env", "has no effect"},
		{"slack with a secret", "kind: dingtalk", "kind: slack\n      secret_env: HOOK_SECRET", "notifications.receivers[1].secret_env", "has no effect"},
		{"chat without an address", "      url_env: CHAT_URL\n", "", "notifications.receivers[1].url_env", "is missing"},
		{"chat with a mail server", "language: zh", "host: mail.example.com", "notifications.receivers[1].host", "has no effect with kind: dingtalk"},
		{"chat with a user", "language: zh", "user_env: MAIL_USER", "notifications.receivers[1].user_env", "has no effect with kind: dingtalk"},
		{"mail with a URL", "host: mail", "url_env: CHAT_URL\n      host: mail", "notifications.receivers[2].url_env", "has no effect with kind: email"},
		{"mail without a server", "      host: mail.example.com\n", "", "notifications.receivers[2].host", "is missing"},
		{"mail without a sender", "      from: backup@example.com\n", "", "notifications.receivers[2].from", "is missing"},
		{"mail without recipients", "      to: [ops@example.com, dba@db.example.com]\n", "", "notifications.receivers[2].to", "is missing"},
		{"mail to nobody", "[ops@example.com, dba@db.example.com]", "[]", "notifications.receivers[2].to", "is an empty list"},
		{"mail to many", "[ops@example.com, dba@db.example.com]", "[" + strings.Repeat("a@b.example, ", 10) + "a@b.example]", "notifications.receivers[2].to", "has 11 addresses"},
		{"a name beside an address", "dba@db.example.com", "DBA <dba@db.example.com>", "notifications.receivers[2].to[1]", "is not valid"},
		{"an address with a command", "dba@db.example.com", `"dba@db.example.com> RCPT TO:<a@b.example"`, "notifications.receivers[2].to[1]", "is not valid"},
		{"a sender without a domain", "from: backup@example.com", "from: backup", "notifications.receivers[2].from", "is not valid"},
		{"a server with a port", "host: mail.example.com", "host: mail.example.com:25", "notifications.receivers[2].host", "is not valid"},
		{"port 0", "host: mail.example.com", "host: mail.example.com\n      port: 0", "notifications.receivers[2].port", "from 1 to 65535"},
		{"a large port", "host: mail.example.com", "host: mail.example.com\n      port: 65536", "notifications.receivers[2].port", "from 1 to 65535"},
		{"mail without TLS", "host: mail.example.com", "host: mail.example.com\n      tls: none", "notifications.receivers[2].tls", "use one of implicit, starttls"},
		{"mail without a password", "      secret_env: MAIL_PASSWORD\n", "", "notifications.receivers[2].secret_env", "is missing"},
		{"mail without a user", "      user_env: MAIL_USER\n", "", "notifications.receivers[2].secret_env", "has no effect without user_env"},
		{"a user that is not set", "user_env: MAIL_USER", "user_env: OTHER", "notifications.receivers[2].user_env", "OTHER is not set"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load([]byte(change(t, withReceivers, c.from, c.to)), receiverEnvironment)
			bad, ok := errors.AsType[LoadError](err)
			if !ok || len(bad) != 1 || bad[0].Line == 0 || bad[0].Path != c.path || !strings.Contains(bad[0].Text, c.text) {
				t.Errorf("want %s: …%s…; got\n%v", c.path, c.text, err)
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("it quotes a secret: %v", err)
			}
		})
	}
	many := withReceivers
	for n := range 18 {
		many += fmt.Sprintf("    - {name: more-%d, kind: slack, url_env: CHAT_URL, events: [failed]}\n", n)
	}
	if _, err := Load([]byte(many), receiverEnvironment); err == nil || !strings.Contains(err.Error(), "has 21 receivers") {
		t.Errorf("21 receivers: %v", err)
	}
}

// TestLoadChoosesTLSOfMail proves that a mail server is always reached with TLS: by its port, or as the policy says.
func TestLoadChoosesTLSOfMail(t *testing.T) {
	for keys, want := range map[string]backup.Mail{
		"":                             {Port: 465, Implicit: true},
		"port: 465":                    {Port: 465, Implicit: true},
		"port: 587":                    {Port: 587},
		"port: 25":                     {Port: 25},
		"port: 465, tls: starttls":     {Port: 465},
		"port: 2465, tls: implicit":    {Port: 2465, Implicit: true},
		"tls: starttls, private: true": {Port: 465},
	} {
		text := base + "notifications: {receivers: [{name: m, kind: email, host: mail.example.com, from: a@b.example, to: [c@d.example], events: [failed], " + keys + "}]}\n"
		p, err := Load([]byte(strings.Replace(text, ", }", "}", 1)), environment)
		if err != nil {
			t.Errorf("%s: %v", keys, err)
			continue
		}
		if got := p.Notifications().Receivers[0].Mail; got.Port != want.Port || got.Implicit != want.Implicit || !got.User.IsZero() {
			t.Errorf("%s: %+v", keys, got)
		}
	}
}

// TestLoadChecksVariablesOfReceivers proves that a problem with the value of an environment
// variable does not quote the value.
func TestLoadChecksVariablesOfReceivers(t *testing.T) {
	encode := func(n int) string { return base64.StdEncoding.EncodeToString([]byte(strings.Repeat("c", n))) }
	for name, values := range map[string][]string{
		"HOOK_SECRET":   {"canary", "whsec_", "whsec_canary!", "whsec_" + encode(23), "whsec_" + encode(65), encode(32), "whsec_" + encode(24) + "\n", "whsec_" + strings.TrimRight(encode(32), "=")},
		"MAIL_USER":     {"canary\r\nRCPT TO:<x>", "canary用户", strings.Repeat("canary", 43)},
		"MAIL_PASSWORD": {"canary\n", strings.Repeat("canary", 43)},
		"CHAT_URL": {"canary", "http://canary.example.com/", "ftp://canary.example.com/", "https://", "https:///canary", "https://canary:x@example.com/",
			"https://example.com/#canary", "https:canary", "http://127.0.0.1.canary.example.com/", "https://canary%zz/"},
	} {
		for _, value := range values {
			_, err := Load([]byte(withReceivers), func(n string) string {
				if n == name {
					return value
				}
				return receiverEnvironment(n)
			})
			if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "whsec_c") {
				t.Errorf("%s=%q: %v", name, value, err)
			}
		}
	}
	for name, value := range map[string]string{"HOOK_SECRET": "whsec_" + encode(24), "CHAT_URL": "http://127.0.0.1:8080/x"} {
		if _, err := Load([]byte(withReceivers), func(n string) string {
			if n == name {
				return value
			}
			return receiverEnvironment(n)
		}); err != nil {
			t.Errorf("%s=%q: %v", name, value, err)
		}
	}
}

// TestNotificationsExampleLoads proves that the notifications in the example file, which are
// comments, are valid and contain every key.
func TestNotificationsExampleLoads(t *testing.T) {
	text := readFile(t, "../../docs/policy.example.yaml")
	const begin = "# notifications:\n"
	at := strings.Index(text, begin)
	if at < 0 {
		t.Fatalf("the example has no line %q", begin)
	}
	lines := strings.Split(text[at:], "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, "# ")
	}
	p, err := Load([]byte(text[:at]+strings.Join(lines, "\n")), func(name string) string {
		switch {
		case strings.HasSuffix(name, "_URL"):
			return "https://example.com/x"
		case strings.HasSuffix(name, "_SECRET"):
			return receiverEnvironment("HOOK_SECRET")
		case strings.HasPrefix(name, "MAIL_"):
			return "x"
		}
		return ""
	})
	if err != nil {
		t.Fatal(err)
	}
	r := p.Notifications().Receivers
	if len(r) != 3 || r[2].Mail.Port != 465 || r[0].Kind != backup.WebhookReceiver || !r[0].Private || !slices.Contains(r[1].Events, backup.EventFailed) || r[1].Language != param.Chinese {
		t.Errorf("%+v", r)
	}
}

// withChoice is withReceivers with a rule that lets requests choose both receivers, and with a third one that has no
// events.
var withChoice = strings.Replace(withReceivers, "    scripts: [/opt/backup/pre.sh, /opt/backup/post.sh]\n",
	"    scripts: [/opt/backup/pre.sh, /opt/backup/post.sh]\n    receivers: [mine, incidents]\n", 1) +
	"    - {name: mine, kind: slack, url_env: CHAT_URL}\n"

// TestRequestsChooseReceivers proves that a request may name exactly the receivers of the rule that allows it, only those
// that get messages about its account, and that a list that cannot be read is refused.
func TestRequestsChooseReceivers(t *testing.T) {
	p, err := Load([]byte(strings.Replace(withChoice, "accounts: [prod]\n    regions", "accounts: [prod, sandbox]\n    regions", 1)), receiverEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	request := func(account, names string) param.Params {
		return param.Params{
			"SourceType": "UDM_ECS", "Account": account, "Region": "cn-hangzhou", "InstanceId": "i-web1", "Retention": "7", "Notify": names,
		}
	}
	for _, c := range []struct {
		account, names string
		allowed        bool
	}{
		{"prod", "", true},
		{"prod", `["mine"]`, true},
		{"prod", `["mine","incidents"]`, true},
		{"prod", `["mine","chat"]`, false},
		{"prod", `["none"]`, false},
		{"prod", `[""]`, false},
		{"prod", `[]`, false},
		{"prod", `mine`, false},
		{"sandbox", `["mine"]`, true},
		{"sandbox", `["incidents"]`, false},
	} {
		_, denied := p.Decide(t.Context(), alice, request(c.account, c.names))
		if allowed := denied == nil; allowed != c.allowed {
			t.Errorf("%s %s: allowed %v, %v", c.account, c.names, allowed, denied)
		}
		if !c.allowed && (len(denied) == 0 || denied[0].Field != "Notify") {
			t.Errorf("%s %s: %v", c.account, c.names, denied)
		}
	}
	for account, want := range map[string]string{"prod": "incidents mine", "sandbox": "mine", "idle": ""} {
		var names []string
		for _, r := range p.Choosable(t.Context(), alice, request(account, "")) {
			names = append(names, r.Name)
			if !r.URL.IsZero() || !r.Secret.IsZero() {
				t.Errorf("%s has its address or its secret", r.Name)
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %q can be chosen, want %q", account, got, want)
		}
	}
	if got := p.Choosable(t.Context(), identity.Principal{Kind: identity.KindHuman, Subject: "stranger"}, request("prod", "")); got != nil {
		t.Errorf("a stranger can choose %v", got)
	}
	said := ""
	for _, line := range p.Rules(alice)[0].Limits {
		said += line.En
	}
	if !strings.Contains(said, "mine, incidents") {
		t.Errorf("the rule does not say which receivers can be chosen: %s", said)
	}
}

// TestLoadRefusesWrongChoices makes one invalid change to the receivers of a rule in each case.
func TestLoadRefusesWrongChoices(t *testing.T) {
	for _, c := range []struct{ name, from, to, path, text string }{
		{"unknown receiver", "[mine, incidents]", "[mine, nobody]", "rules[0].receivers[1]", "does not exist: add it to notifications.receivers"},
		{"no account in common", "accounts: [prod]\n      private", "accounts: [sandbox]\n      private", "rules[0].receivers[1]", "gets no messages about an account of this rule"},
		{"a receiver of nothing", "[mine, incidents]", "[incidents]", "notifications.receivers[3].events", "is missing: add events"},
		{"empty", "[mine, incidents]", "[]", "rules[0].receivers", "is an empty list"},
		{"view only", "any_vault: true\n    retention_days: {min: 1, max: 7}", "any_vault: true\n    retention_days: {min: 1, max: 7}\n    receivers: [other]", "rules[1].receivers[0]", "does not exist"},
		{"enforced", "    receivers: [mine, incidents]\n", "    receivers: [mine, incidents]\n    enforced: {Notify: '[\"mine\"]'}\n", "rules[0].enforced.\"Notify\"", "is not a known key here"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load([]byte(change(t, withChoice, c.from, c.to)), receiverEnvironment)
			bad, ok := errors.AsType[LoadError](err)
			if !ok || len(bad) != 1 || bad[0].Line == 0 || bad[0].Path != c.path || !strings.Contains(bad[0].Text, c.text) {
				t.Errorf("want %s: …%s…; got\n%v", c.path, c.text, err)
			}
		})
	}
}
