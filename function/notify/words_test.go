package notify

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// markup matches a mention, a link or a format of any of the chat services.
var markup = regexp.MustCompile("[<>&@#*_~`|\\[\\]\\\\]|://|\\.\\pL")

// hostiles are texts that at least one of the chat services would treat as markup.
var hostiles = []string{
	"<!channel> <@U123> <#C1> <https://evil.example|click>", `<at user_id="all">everyone</at>`, "@all @13800000000 ＠all", "<@all>",
	"[click](https://evil.example)", "![x](http://evil.example/x.png)", "evil.example www.evil.example HTTP://EVIL.EXAMPLE mailto:a@b.example",
	"**bold** _it_ ~~gone~~ `code` # head", "a\n\n# head\n> quote\n- list\r\n1. x", "a\u2028b\u2029c\u0085d", "\u202eright to left", "zero\u200bwidth\ufeff", "\x00\x1b[31m",
	`&lt;!channel&gt; &#60;`, `<font color="warning">x</font>`, `\<a\>`, strings.Repeat("長", 5000), "\xff\xfe", "|a|b|\n|-|-|", "{{x}} ${x} %s %!v(MISSING)",
}

func TestInertTexts(t *testing.T) {
	for _, s := range hostiles {
		got := inert(s)
		if found := markup.FindString(got); found != "" {
			t.Errorf("%q became %q, with %q", s, got, found)
		}
		if strings.ContainsFunc(got, func(r rune) bool { return unicode.Is(unicode.C, r) || unicode.IsSpace(r) && r != ' ' }) || len([]rune(got)) > maxShown {
			t.Errorf("%q became %q", s, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		got := inert(s)
		if markup.MatchString(got) || strings.ContainsAny(got, "\r\n") || inert(got) != got {
			t.Fatalf("%q became %q, then %q", s, got, inert(got))
		}
	})
	for _, plain := range []string{"i-bp1demoweb01", "before-upgrade", "Alice Ann (ops)", "3.5 GB, 100%", "王小明", "acme:backup/1"} {
		if got := inert(plain); got != plain {
			t.Errorf("%q became %q", plain, got)
		}
	}
}

// TestInertMessages proves that texts which a chat service would treat as markup (a mention, a
// link, a format) have no effect in a whole message. The messages are not longer than the
// strictest chat service allows.
func TestInertMessages(t *testing.T) {
	for _, kind := range chats {
		for i, s := range hostiles {
			n := notice([]backup.Event{backup.EventFailed, backup.EventCancelled}[i%2])
			n.Record.Principal.Name, n.Record.Job.ErrorMessage, n.Record.Cancellation.By.Name = s, s, s
			n.Record.Params = param.Params{"Account": s, "Region": s, "JobName": s, "Reason": s, "Ticket": s, "InstanceId": s, "ContainerClusterId": s}
			n.Record.Complete = n.Record.Params
			bare := func(cfg *Config) { cfg.PublicURL, cfg.Notifications.Environment = nil, s }
			got := sent(t, receiverAt(kind, ""), n, bare)
			if len(got.body) > 4096 && kind == backup.WeCom {
				t.Errorf("%d bytes", len(got.body))
			}
			for _, text := range texts(t, got.body) {
				if found := markup.FindString(withoutOwnMarkup(kind, text)); found != "" {
					t.Errorf("%s: %q acts in %q", kind, found, text)
				}
			}
		}
	}
}

// texts returns the texts in the body of a chat message that a person reads.
func texts(t *testing.T, body []byte) []string {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	delete(v.(map[string]any), "sign")
	delete(v.(map[string]any), "msg_type")
	return strings.Split(strings.TrimSpace(flatten(v)), "\n")
}

// withoutOwnMarkup removes the markup that the portal itself writes: the brackets around the
// name of the environment, the stars around the title, and the signs at the start of a line.
func withoutOwnMarkup(kind backup.ReceiverKind, text string) string {
	text = strings.TrimPrefix(text, "#### ")
	if kind == backup.WeCom || kind == backup.Slack {
		text = strings.Trim(text, "*")
	}
	text = strings.TrimPrefix(strings.TrimPrefix(text, "> "), "- ")
	if rest, ok := strings.CutPrefix(text, "["); ok {
		text = strings.Replace(rest, "] ", " ", 1)
	}
	return text
}

// TestAccountsHaveTheirNames proves that a chat message shows the display name of the account, and
// that the JSON of a webhook has the alias.
func TestAccountsHaveTheirNames(t *testing.T) {
	named := func(cfg *Config) {
		cfg.Account = func(alias string) (backup.Account, bool) {
			return backup.Account{Alias: alias, Name: param.Both("Production", "生产")}, true
		}
	}
	n := notice(backup.EventSucceeded)
	alias := n.Record.Account()
	if body := string(sent(t, receiverAt(backup.Slack, ""), n, named).body); !strings.Contains(body, "Production ("+alias+")") {
		t.Errorf("the chat got %s", body)
	}
	if body := string(sent(t, receiverAt(backup.WebhookReceiver, ""), n, named).body); strings.Contains(body, "Production") || !strings.Contains(body, alias) {
		t.Errorf("the webhook got %s", body)
	}
}

// TestMessagesNameTheInstance proves that a chat message says what was backed up in the words
// that people use, and that the name of the submission comes last.
func TestMessagesNameTheInstance(t *testing.T) {
	n := notice(backup.EventSucceeded)
	n.Record.ResourceName = "web01"
	body := string(sent(t, receiverAt(backup.Slack, ""), n, func(*Config) {}).body)
	name, kind, label := strings.Index(body, "web01 (i-bp1demoweb01)"), strings.Index(body, "A whole ECS instance"), strings.Index(body, "before-upgrade")
	if name < 0 || kind < name || label < kind {
		t.Errorf("the order is %d, %d, %d in %s", name, kind, label, body)
	}
	if body := string(sent(t, receiverAt(backup.WebhookReceiver, ""), n, func(*Config) {}).body); !strings.Contains(body, `"ResourceName":"web01"`) {
		t.Errorf("the webhook got %s", body)
	}
}
