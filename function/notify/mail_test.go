package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/notify/smtptest"
	"backupportal/function/param"
	"backupportal/function/secret"
)

// mailReceiver returns an e-mail receiver at a server.
func mailReceiver(s *smtptest.Server, implicit bool) backup.Receiver {
	return backup.Receiver{
		Name: "r", Kind: backup.Email, Events: backup.Events, Language: param.English,
		Mail: backup.Mail{
			Host: "127.0.0.1", Port: s.Port, Implicit: implicit, From: "portal@example.com", To: []string{"ops@example.com", "dba@example.com"},
		},
	}
}

// mailConfig returns the configuration of a sender with an e-mail receiver.
func mailConfig(s *smtptest.Server, r backup.Receiver) Config {
	cfg := config(r)
	cfg.Roots = s.Roots
	return cfg
}

// readable returns the decoded headers and the decoded body of an e-mail.
func readable(t *testing.T, l smtptest.Letter) (map[string]string, string) {
	t.Helper()
	header, body := l.Parse(t)
	words := map[string]string{}
	for name, values := range header {
		if len(values) != 1 {
			t.Errorf("%d headers %s", len(values), name)
		}
		decoded, err := new(mime.WordDecoder).DecodeHeader(values[0])
		if err != nil {
			t.Error(err)
		}
		words[name] = decoded
	}
	text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	return words, string(text)
}

// mailed sends a notice to an e-mail receiver and returns the headers and the body of the e-mail.
func mailed(t *testing.T, r backup.Receiver, n backup.Notice, change ...func(*Config)) (map[string]string, string) {
	t.Helper()
	s := smtptest.New(t, smtptest.Config{})
	to := mailReceiver(s, false)
	to.Language = r.Language
	cfg := mailConfig(s, to)
	for _, f := range change {
		f(&cfg)
	}
	if err := newSender(t, cfg).Send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	got := s.Letters()
	if len(got) != 1 || got[0].From != "portal@example.com" || strings.Join(got[0].To, " ") != "ops@example.com dba@example.com" {
		t.Fatalf("the server has %+v", got)
	}
	return readable(t, got[0])
}

func TestMailsAreComplete(t *testing.T) {
	header, body := mailed(t, backup.Receiver{}, notice(backup.EventFailed))
	for name, want := range map[string]string{
		"From": `"Backup Portal" <portal@example.com>`, "To": "<ops@example.com>, <dba@example.com>",
		"Subject": "[production] Backup failed: i-bp1demoweb01", "Date": "Mon, 23 Nov 2026 16:59:00 +0800",
		"Auto-Submitted": "auto-generated", "Message-Id": "<" + notice(backup.EventFailed).ID() + "@example.com>",
		"Content-Type": "text/plain; charset=UTF-8", "Mime-Version": "1.0", "Content-Transfer-Encoding": "quoted-printable",
	} {
		if header[name] != want {
			t.Errorf("%s: %q, want %q", name, header[name], want)
		}
	}
	if len(header) != 9 {
		t.Errorf("the headers are %v", header)
	}
	const want = `[production] Backup failed

Instance: i-bp1demoweb01
Kind: A whole ECS instance
Account: payments
Region: China (Hangzhou), cn-hangzhou
Why: Before the ＜release＞
Ticket: OPS-7
Requested by: Alice Ann, API
Cloud Backup says: disk is busy
Time: 2026-11-23 16:59 UTC+8
Name: before-upgrade

Open in Backup Portal: https://backup.example.com/backups/abc234
`
	if body != want {
		t.Errorf("got\n%s\nwant\n%s", body, want)
	}
	header, body = mailed(t, backup.Receiver{Language: param.Chinese}, notice(backup.EventSucceeded), func(cfg *Config) { cfg.PublicURL = nil })
	if header["Subject"] != "[production] 备份成功：i-bp1demoweb01" || header["From"] != "备份门户 <portal@example.com>" || !strings.Contains(body, "\n实例：i-bp1demoweb01\n") {
		t.Errorf("in Chinese: %v\n%s", header, body)
	}
}

// TestMailsCannotBeInjected proves that no text from outside adds a header, a recipient or the end of the
// message.
func TestMailsCannotBeInjected(t *testing.T) {
	attacks := append([]string{"x\r\nBcc: eve@evil.example", "x\n.\nRCPT TO:<eve@evil.example>", "x\r\n\r\nbody", "\r\n.\r\n", "=?utf-8?q?a=0D=0ABcc:_e@evil.example?=", "x\u2028Bcc: y"}, hostiles...)
	for _, attack := range attacks {
		n := notice(backup.EventFailed)
		n.Record.Principal.Name, n.Record.Job.ErrorMessage, n.Record.ResourceName = attack, attack, attack
		n.Record.Params = param.Params{"Account": attack, "Region": attack, "JobName": attack, "Reason": attack, "Ticket": attack, "InstanceId": attack}
		n.Record.Complete = n.Record.Params
		header, body := mailed(t, backup.Receiver{}, n, func(cfg *Config) { cfg.Notifications.Environment = attack })
		if len(header) != 9 || header["Bcc"] != "" || strings.ContainsAny(header["Subject"], "\r\n") {
			t.Errorf("%q: the headers are %v", attack, header)
		}
		if lines := strings.Count(body, "\n"); lines > 16 {
			t.Errorf("%q: the body has %d lines:\n%s", attack, lines, body)
		}
	}
}

// TestMailRepeatsAreTheSame proves that a receiver can recognise a repeat: two attempts differ in nothing, and
// another event has another Message-ID.
func TestMailRepeatsAreTheSame(t *testing.T) {
	s := smtptest.New(t, smtptest.Config{})
	cfg := mailConfig(s, mailReceiver(s, false))
	later := now
	cfg.Now = func() time.Time { later = later.Add(time.Hour); return later }
	sender := newSender(t, cfg)
	for _, e := range []backup.Event{backup.EventFailed, backup.EventFailed, backup.EventCreated} {
		if err := sender.Send(t.Context(), notice(e)); err != nil {
			t.Fatal(err)
		}
	}
	got := s.Letters()
	other, _ := readable(t, got[2])
	first, _ := readable(t, got[0])
	if got[0].Text != got[1].Text || other["Message-Id"] == first["Message-Id"] {
		t.Errorf("the server has %+v", got)
	}
}

func TestMailConnections(t *testing.T) {
	signIn := smtptest.Config{User: "portal", Password: "canary-password"}
	implicit, other := signIn, signIn
	implicit.Implicit, other.Mechanisms = true, "XOAUTH2"
	for _, c := range []struct {
		name     string
		server   smtptest.Config
		implicit bool
		change   func(*Config, *backup.Receiver)
		want     string // a part of the error; empty: no error
	}{
		{"STARTTLS", smtptest.Config{}, false, nil, ""},
		{"TLS from the first byte", smtptest.Config{Implicit: true}, true, nil, ""},
		{"STARTTLS with a user", signIn, false, nil, ""},
		{"TLS with a user", implicit, true, nil, ""},
		{"no TLS", smtptest.Config{NoTLS: true}, false, nil, "does not offer STARTTLS"},
		{"STARTTLS at a port with TLS", smtptest.Config{Implicit: true}, false, nil, errTimeout.Error()},
		{"TLS at a port with STARTTLS", smtptest.Config{}, true, nil, "connection failed"},
		{"another certificate", smtptest.Config{}, false, func(cfg *Config, _ *backup.Receiver) { cfg.Roots = nil }, "certificate is not trusted"},
		{"another certificate, from the first byte", smtptest.Config{Implicit: true}, true, func(cfg *Config, _ *backup.Receiver) { cfg.Roots = nil }, "certificate is not trusted"},
		{"a wrong password", signIn, false, func(_ *Config, r *backup.Receiver) { r.Secret = secret.New("canary-other") }, "refused the user or the password (code 535)"},
		{"no user", signIn, false, func(_ *Config, r *backup.Receiver) { r.Mail.User = secret.String{} }, "the server answered 530 for the sender"},
		{"no known sign-in", other, false, nil, "no known way to sign in"},
		{"a server without sign-in", smtptest.Config{}, false, func(_ *Config, r *backup.Receiver) { r.Mail.User = secret.New("portal") }, "no known way to sign in"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := smtptest.New(t, c.server)
			r := mailReceiver(s, c.implicit)
			if c.server.User != "" {
				r.Mail.User, r.Secret = secret.New(c.server.User), secret.New(c.server.Password)
			}
			cfg := mailConfig(s, r)
			if c.change != nil {
				c.change(&cfg, &r)
				cfg.Notifications.Receivers = []backup.Receiver{r}
			}
			sender, ctx := newSender(t, cfg), t.Context()
			if c.want == errTimeout.Error() {
				limited, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
				defer cancel()
				ctx = limited
			}
			check := sender.Check(ctx, "r")
			err := sender.Send(ctx, notice(backup.EventFailed))
			if c.want == "" {
				if err != nil || check != nil || len(s.Letters()) != 1 || s.Letters()[0].User != c.server.User {
					t.Errorf("send %v, check %v, letters %+v", err, check, s.Letters())
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, backup.ErrUndeliverable) {
				t.Errorf("got %v, want …%s…", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "canary") || len(s.Letters()) != 0 {
				t.Errorf("got %v, and the server has %+v", err, s.Letters())
			}
			if before := c.name != "no user"; before != (check != nil) {
				t.Errorf("the check found %v", check)
			}
			for _, command := range s.Commands() {
				if c.server.NoTLS && !strings.HasPrefix(command, "EHLO") {
					t.Errorf("without TLS the server got %s", command)
				}
			}
		})
	}
}

// TestMailRefusals proves that an answer of 500 or more to a sender, a recipient or a text is final, and that one of 400
// to 499 is not.
func TestMailRefusals(t *testing.T) {
	for _, c := range []struct {
		command, answer string
		final           bool
		want            string
		letters         int
	}{
		{"MAIL FROM", "550 5.7.1 canary", true, "the server answered 550 for the sender", 0},
		{"MAIL FROM", "451 4.3.0 canary", false, "the server answered 451 for the sender", 0},
		{"RCPT TO:<ops", "550 5.1.1 canary", true, "the server answered 550 for recipient 1 of 2", 1},
		{"RCPT TO:<dba", "552 5.2.2 canary", true, "the server answered 552 for recipient 2 of 2", 1},
		{"RCPT TO:", "550 5.1.1 canary", true, "the server answered 550 for recipient", 0},
		{"RCPT TO:<dba", "450 4.2.1 canary", false, "the server answered 450 for recipient 2 of 2", 0},
		{"DATA", "554 5.5.1 canary", true, "the server answered 554 for the message", 0},
		{"DATA", "421 4.3.2 canary", false, "the server answered 421 for the message", 0},
		{".", "554 5.6.0 canary", true, "the server answered 554 for the message", 0},
		{".", "452 4.3.1 canary", false, "the server answered 452 for the message", 0},
		{"EHLO", "554 canary", false, "the server answered 554 before the message", 0},
		{"STARTTLS", "454 canary", false, "the server answered 454 before the message", 0},
		{"QUIT", "500 canary", false, "", 1},
	} {
		t.Run(c.command+" "+c.answer[:3], func(t *testing.T) {
			t.Parallel()
			s := smtptest.New(t, smtptest.Config{})
			s.Refuse(func(command string) string {
				if strings.HasPrefix(command, c.command) || c.command == "EHLO" && strings.HasPrefix(command, "HELO") {
					return c.answer
				}
				return ""
			})
			err := newSender(t, mailConfig(s, mailReceiver(s, false))).Send(t.Context(), notice(backup.EventFailed))
			if errors.Is(err, backup.ErrUndeliverable) != c.final || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want …%s…, final: %v", err, c.want, c.final)
			}
			if strings.Contains(fmt.Sprint(err), "canary") || len(s.Letters()) != c.letters {
				t.Errorf("got %v, and the server has %d letters", err, len(s.Letters()))
			}
		})
	}
}

func TestMailServersMustBeAllowed(t *testing.T) {
	s := smtptest.New(t, smtptest.Config{})
	r := mailReceiver(s, false)
	cfg := mailConfig(s, r)
	cfg.Loopback = false
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "its address is not allowed") {
		t.Errorf("an address of this machine: %v", err)
	}
	r.Mail.Host = "localhost"
	cfg.Notifications.Receivers = []backup.Receiver{r}
	sender := newSender(t, cfg)
	if err := sender.Send(t.Context(), notice(backup.EventFailed)); err == nil || !strings.Contains(err.Error(), errNotAllowed.Error()) {
		t.Errorf("a name of this machine: %v", err)
	}
	if got := s.Commands(); got != nil {
		t.Errorf("the server got %v", got)
	}
	for _, broken := range []backup.Mail{{}, {Host: "a.example", Port: 25, From: "a@a.example"}, {Host: "a.example", Port: 25, To: []string{"a@a.example"}}} {
		r.Mail = broken
		cfg.Notifications.Receivers = []backup.Receiver{r}
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v is accepted", broken)
		}
	}
}
