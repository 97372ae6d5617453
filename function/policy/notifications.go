package policy

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/secret"
)

// Limits of the key notifications. Every message begins with the name of the environment. The
// store has one notice for each receiver and event of each submission.
const (
	maxEnvironment = 40 // characters
	maxReceivers   = param.MaxReceivers
	maxRecipients  = 10 // maximum number of recipients of an e-mail
)

// Shapes of the keys of e-mail receivers. An address in other forms, such as one with quotes, is
// refused.
var (
	mailHostShape    = shape{`[0-9A-Za-z][0-9A-Za-z.-]{0,252}`, "the name or the IPv4 address of the mail server, without a port"}
	mailAddressShape = shape{`[0-9A-Za-z+_=-]{1,64}(\.[0-9A-Za-z+_=-]{1,64})*@[0-9A-Za-z-]{1,63}(\.[0-9A-Za-z-]{1,63})+`, "an e-mail address such as backup@example.com"}
)

// mailKeys are the keys that only e-mail receivers have.
func mailKeys() []string { return []string{"host", "port", "tls", "from", "to", "user_env"} }

// Notifications returns the receivers of notices (such as chat robots) and the name of the
// environment. There are no receivers if the policy file has none. The lists in the result must
// not be changed.
func (p *Policy) Notifications() backup.Notifications { return p.notifications }

// notifications reads the key notifications.
func (l *loader) notifications(p place) backup.Notifications {
	m := l.mapping(p, []string{"receivers"}, []string{"environment"})
	n := backup.Notifications{Environment: l.text(m["environment"])}
	if utf8.RuneCountInString(n.Environment) > maxEnvironment {
		l.wrong(m["environment"], "write at most %d characters", maxEnvironment)
	}
	names := map[string]bool{}
	l.eventless = map[string]place{}
	n.Receivers = list(l, m["receivers"], func(p place) backup.Receiver { return l.receiver(p, names) })
	l.receivers = n.Receivers
	if len(n.Receivers) > maxReceivers {
		l.wrong(m["receivers"], "has %d receivers: write at most %d", len(n.Receivers), maxReceivers)
	}
	return n
}

// receiver reads one receiver. Its name must not be in names yet; receiver adds it.
func (l *loader) receiver(p place, names map[string]bool) backup.Receiver {
	m := l.mapping(
		p,
		[]string{"name", "kind"},
		append(mailKeys(), "url_env", "events", "secret_env", "accounts", "language", "private"),
	)
	r := backup.Receiver{
		Name:     l.shaped(m["name"], nameShape),
		Kind:     choice(l, m["kind"], backup.ReceiverKinds...),
		Events:   list(l, m["events"], func(p place) backup.Event { return choice(l, p, backup.Events...) }),
		Accounts: list(l, m["accounts"], l.alias),
		Language: param.English,
		Private:  l.flag(m["private"]),
	}
	if m["events"].node == nil && r.Name != "" {
		l.eventless[r.Name] = p
	}
	if r.Accounts != nil && slices.Contains(r.Events, backup.EventRejected) {
		l.wrong(m["accounts"], "has no effect on rejected messages, which belong to no account: "+
			"write another receiver for the event rejected, without accounts")
	}
	if choice(l, m["language"], "en", "zh") == "zh" {
		r.Language = param.Chinese
	}
	if names[r.Name] && r.Name != "" {
		l.wrong(m["name"], "another receiver has the name %q: choose another name", r.Name)
	}
	names[r.Name] = true
	switch {
	case m["kind"].node == nil || l.refused[m["kind"].node]:
	case r.Kind == backup.Email:
		l.without(m, r.Kind, "url_env")
		r.Mail, r.Secret = l.mail(p, m)
	default:
		l.without(m, r.Kind, mailKeys()...)
		l.requires(p, m, r.Kind, "url_env")
		r.URL = l.receiverURL(m["url_env"])
		r.Secret = l.signingSecret(p, m["secret_env"], r.Kind)
	}
	return r
}

// without reports the given keys, which have no effect on a receiver of a kind.
func (l *loader) without(m map[string]place, kind backup.ReceiverKind, keys ...string) {
	for _, key := range keys {
		if m[key].node != nil {
			l.wrong(m[key], "has no effect with kind: %s: remove it", kind)
		}
	}
}

// requires reports the given keys if a receiver of a kind at p lacks them.
func (l *loader) requires(p place, m map[string]place, kind backup.ReceiverKind, keys ...string) {
	for _, key := range keys {
		if m[key].node == nil {
			l.lacks(p, p.at(key, nil).path, "is missing: kind: %s requires it", kind)
		}
	}
}

// mail reads the keys of an e-mail receiver at p, and the password of its user.
func (l *loader) mail(p place, m map[string]place) (backup.Mail, secret.String) {
	l.requires(p, m, backup.Email, "host", "from", "to")
	mail := backup.Mail{
		Host: l.shaped(m["host"], mailHostShape),
		Port: int(l.number(m["port"])),
		From: l.shaped(m["from"], mailAddressShape),
		To:   list(l, m["to"], func(p place) string { return l.shaped(p, mailAddressShape) }),
	}
	if len(mail.To) > maxRecipients {
		l.wrong(m["to"], "has %d addresses: write at most %d", len(mail.To), maxRecipients)
	}
	if m["port"].node == nil {
		mail.Port = 465
	} else if mail.Port < 1 || mail.Port > 65535 {
		l.wrong(m["port"], "write a port from 1 to 65535")
	}
	mail.Implicit = mail.Port == 465
	if m["tls"].node != nil {
		mail.Implicit = choice(l, m["tls"], "implicit", "starttls") == "implicit"
	}
	switch user, password := m["user_env"], m["secret_env"]; {
	case user.node != nil && password.node == nil:
		l.lacks(p, p.at("secret_env", nil).path, "is missing: user_env requires it: it names the variable with the password")
	case user.node == nil && password.node != nil:
		l.wrong(password, "has no effect without user_env: add user_env, or remove it")
	default:
		mail.User = l.credential(user, "the user")
		return mail, l.credential(password, "the password")
	}
	return mail, secret.String{}
}

// credential reads the environment variable with a user or a password for a mail server.
func (l *loader) credential(p place, what string) secret.String {
	name, value := l.variable(p, what+" for the mail server")
	if value == "" {
		return secret.String{}
	}
	if len(value) > 256 || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		l.wrong(p, "the environment variable %s does not contain %s: use up to 256 ASCII characters", name, what)
	}
	return secret.New(value)
}

// receiverOf reads the name of a receiver that requests under a rule may choose. aliases are the accounts of the rule:
// the receiver must get messages about one of them.
func (l *loader) receiverOf(p place, aliases []string) receiver {
	name := l.text(p)
	i := slices.IndexFunc(l.receivers, func(r backup.Receiver) bool { return r.Name == name })
	switch {
	case p.node == nil || l.refused[p.node]:
	case i < 0:
		l.wrong(p, "the receiver %q does not exist: add it to notifications.receivers, or correct the name", name)
	case !slices.ContainsFunc(aliases, l.receivers[i].Takes):
		l.wrong(p, "receiver %q gets no messages about an account of this rule: add one to its accounts, or remove the name here", name)
	default:
		return receiver{name, l.receivers[i].Accounts}
	}
	return receiver{}
}

// unused reports each receiver that would never get a message: it has no events, and no rule lets requests choose it.
// It reports nothing in a file with other problems, which may be the cause.
func (l *loader) unused(rules []rule) {
	if len(l.problems) > 0 {
		return
	}
	for name, p := range l.eventless {
		if !slices.ContainsFunc(rules, func(r rule) bool { return slices.Contains(r.receiverNames(), name) }) {
			l.lacks(p, p.at("events", nil).path, "is missing: add events, or the name of this receiver to receivers of a rule")
		}
	}
}

// receiverURL reads the environment variable that contains the address of a receiver. The
// address is a secret: a chat robot accepts messages from everyone who knows it.
func (l *loader) receiverURL(p place) secret.String {
	name, value := l.variable(p, "the URL of the receiver")
	if value == "" {
		return secret.String{}
	}
	if _, err := backup.ParseReceiverURL(value); err != nil {
		l.wrong(p, "the value of the environment variable %s %v", name, err)
		return secret.String{}
	}
	return secret.New(value)
}

// signingSecret reads the environment variable env, which contains the secret that signs
// messages to a receiver. A webhook needs one, DingTalk and Feishu may have one, WeCom and
// Slack have none. The result is empty without a secret and after a problem.
func (l *loader) signingSecret(p, env place, kind backup.ReceiverKind) secret.String {
	switch {
	case kind == backup.WebhookReceiver && env.node == nil:
		l.lacks(
			p,
			p.at("secret_env", nil).path,
			"is missing: kind: webhook requires a secret, which identifies the portal to the receiver",
		)
		return secret.String{}
	case env.node != nil && (kind == backup.WeCom || kind == backup.Slack):
		l.wrong(env, "has no effect with kind: %s, whose messages are not signed: remove it", kind)
		return secret.String{}
	}
	name, value := l.variable(env, "the receiver's secret")
	if value == "" {
		return secret.String{}
	}
	if kind == backup.WebhookReceiver {
		key := webhookKey(value)
		if key == "" {
			l.wrong(env, "the environment variable %s does not contain a Standard Webhooks secret: set it to whsec_ and the base64 of 24 to 64 random bytes", name)
		}
		return secret.New(key)
	}
	if len(value) > 256 || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		l.wrong(env, "the environment variable %s does not contain a robot's secret: set it to the secret in the robot's settings", name)
	}
	return secret.New(value)
}

// webhookKey decodes a secret of Standard Webhooks, "whsec_" and the base64 of 24 to 64
// bytes. It returns "" if secret has another form.
func webhookKey(secret string) string {
	encoded, ok := strings.CutPrefix(secret, "whsec_")
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || err != nil || len(key) < 24 || len(key) > 64 || strings.ContainsAny(encoded, "\r\n") {
		return ""
	}
	return string(key)
}
