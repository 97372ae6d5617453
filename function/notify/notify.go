// Package notify sends notices about backups to their receivers.
//
// Receivers are webhooks, chat robots and e-mail addresses.
//
// Each kind of receiver has its own message format, signature, and way to confirm a message. A
// robot answers 200 even if it refuses a message, so the body of the answer decides:
//
//	kind      message                   signature                              confirmed by
//	webhook   [Standard Webhooks] JSON  header: HMAC-SHA256 of id, time, body  status 2xx
//	dingtalk  markdown                  query: HMAC-SHA256 of time and secret  errcode 0
//	feishu    post                      body: HMAC-SHA256 of an empty text,    code 0
//	                                    its key is time and secret
//	wecom     markdown                  none                                   errcode 0
//	slack     mrkdwn                    none                                   body ok
//	email     plain text, by SMTP       none                                   code 250 after the text
//
// Texts that people typed have no effect in a chat: they mention no person, contain no link and no
// markup (see inert).
//
// A message is sent only to the URL or the server of its receiver. Redirects are not followed, proxies of the
// environment are not used, and addresses that are not public are refused unless the policy
// allows private ones. Errors contain no URL, no secret, and no text of a receiver.
//
// [Standard Webhooks]: https://www.standardwebhooks.com
package notify

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"backupportal/function/backup"
)

// Config configures a [Sender].
type Config struct {
	Notifications backup.Notifications
	PublicURL     *url.URL         // origin of the portal, for links; nil leaves them out
	Zone          *time.Location   // time zone of the times in chats and e-mails; nil means UTC
	Now           func() time.Time // clock for signatures

	// Account finds an account by its alias, for its name in chats; nil shows aliases.
	Account func(alias string) (backup.Account, bool)

	Loopback bool           // receivers may be on this machine, and URLs without TLS: for tests
	Roots    *x509.CertPool // trusted root certificates; nil means the system's roots
}

// A Sender sends notices to the receivers of a policy. It implements [backup.Messenger]. [New]
// makes one. It is safe for concurrent use.
type Sender struct {
	cfg       Config
	receivers []receiver
}

// A receiver is a [backup.Receiver] with what a connection to it needs.
type receiver struct {
	backup.Receiver
	kind   kind         // zero for [backup.Email]
	url    *url.URL     // nil for [backup.Email]
	client *http.Client // nil for [backup.Email]
	dialer *net.Dialer  // for allowed addresses only
	roots  *x509.CertPool
}

// A kind says how messages to one kind of receiver with a URL are written, and how their receipt
// is confirmed.
type kind struct {
	write    func(*Sender, receiver, backup.Notice) (outgoing, error)
	accepted func(answer []byte) error // returns why an answer with status 2xx is not a confirmation
}

// An outgoing is the content of one HTTP request to a receiver.
type outgoing struct {
	body   []byte // JSON
	header http.Header
	query  url.Values // added to the query of the URL
}

// kinds has the format of each kind of receiver with a URL.
var kinds = map[backup.ReceiverKind]kind{
	backup.WebhookReceiver: {webhook, anyAnswer},
	backup.DingTalk:        {dingTalk, checkErrcode},
	backup.Feishu:          {feishu, checkFeishu},
	backup.WeCom:           {weCom, checkErrcode},
	backup.Slack:           {slack, slackOK},
}

var _ backup.Messenger = (*Sender)(nil)

// New returns a sender for the receivers of cfg. It does not connect. It returns an error for a
// receiver with an unknown kind, an invalid or plain http URL, or an address to which no message
// may be sent, and for a webhook without a secret.
func New(cfg Config) (*Sender, error) {
	s := &Sender{cfg: cfg}
	s.cfg.Zone = cmp.Or(cfg.Zone, time.UTC)
	for _, r := range cfg.Notifications.Receivers {
		one, err := newReceiver(cfg, r)
		if err != nil {
			return nil, fmt.Errorf("notify: receiver %s: %w", r.Name, err)
		}
		s.receivers = append(s.receivers, one)
	}
	return s, nil
}

// newReceiver returns a receiver of the policy with what a connection to it needs, or an error of
// [New].
func newReceiver(cfg Config, r backup.Receiver) (receiver, error) {
	allowed := destinations{private: r.Private, loopback: cfg.Loopback}
	one := receiver{Receiver: r, dialer: newDialer(allowed), roots: cfg.Roots}
	host := r.Mail.Host
	if r.Kind == backup.Email {
		if host == "" || r.Mail.Port == 0 || r.Mail.From == "" || r.Mail.To == nil {
			return receiver{}, errors.New("e-mail needs a server, a sender and recipients")
		}
	} else {
		k, known := kinds[r.Kind]
		u, err := backup.ParseReceiverURL(r.URL.Reveal())
		switch {
		case !known:
			return receiver{}, fmt.Errorf("unknown kind %q", r.Kind)
		case err != nil:
			return receiver{}, fmt.Errorf("the URL %w", err)
		case u.Scheme != "https" && !cfg.Loopback:
			return receiver{}, errors.New("the URL must begin with https://")
		case r.Kind == backup.WebhookReceiver && r.Secret.IsZero():
			// Anyone can compute an HMAC with an empty key.
			return receiver{}, errors.New("a webhook needs a secret")
		}
		host, one.kind, one.url, one.client = u.Hostname(), k, u, newClient(one.dialer, cfg.Roots)
	}
	if ip, err := netip.ParseAddr(host); err == nil && !allowed.allows(ip) {
		return receiver{}, errors.New("its address is not allowed: use a public address, " +
			"or write private: true if the receiver is in a private network")
	}
	return one, nil
}

// All implements [backup.Messenger]: it returns the names of all receivers.
func (s *Sender) All() (names []string) {
	for _, r := range s.receivers {
		names = append(names, r.Name)
	}
	return names
}

// Receivers implements [backup.Messenger]: it returns the names of the receivers of an event in
// an account. Those of EventMissing also get EventMended.
func (s *Sender) Receivers(e backup.Event, account string) (names []string) {
	if e == backup.EventMended {
		e = backup.EventMissing
	}
	for _, r := range s.receivers {
		if slices.Contains(r.Events, e) && r.Receiver.Takes(account) {
			names = append(names, r.Name)
		}
	}
	return names
}

// Takes implements [backup.Messenger].
func (s *Sender) Takes(name, account string) bool {
	r, err := s.receiver(name)
	return err == nil && r.Receiver.Takes(account)
}

// Send implements [backup.Messenger]. It sends one message and waits at most 5 seconds for its
// confirmation. After an error, the message may have been received.
func (s *Sender) Send(ctx context.Context, n backup.Notice) error {
	r, err := s.receiver(n.Receiver)
	if err != nil {
		return err
	}
	if r.Kind == backup.Email {
		if err := s.mail(ctx, r, n); err != nil {
			return fmt.Errorf("notify: %s: %w", r.Name, err)
		}
		return nil
	}
	out, err := r.kind.write(s, r, n)
	if err != nil {
		return fmt.Errorf("notify: %s: writing the message: %w", r.Name, err)
	}
	answer, err := r.post(ctx, out)
	if err == nil {
		err = r.kind.accepted(answer)
	}
	if err != nil {
		return fmt.Errorf("notify: %s: %w", r.Name, err)
	}
	return nil
}

// receiver returns the receiver with a name.
func (s *Sender) receiver(name string) (receiver, error) {
	i := slices.IndexFunc(s.receivers, func(r receiver) bool { return r.Name == name })
	if i < 0 {
		return receiver{}, fmt.Errorf("notify: the policy has no receiver %s", name)
	}
	return s.receivers[i], nil
}

// link returns the URL to which a message about n leads: the start page for a gap and for a test, the list of
// rejected messages for a rejection, and otherwise the submission's page. It is empty if the URL of the portal
// is not configured.
func (s *Sender) link(n backup.Notice) string {
	if s.cfg.PublicURL == nil {
		return ""
	}
	if n.Event == backup.EventTest || isAboutGap(n) {
		return s.cfg.PublicURL.JoinPath("/").String()
	}
	if n.Event == backup.EventRejected {
		list := s.cfg.PublicURL.JoinPath("backups")
		list.RawQuery = url.Values{"Status": {string(backup.StateRejected)}}.Encode()
		return list.String()
	}
	return s.cfg.PublicURL.JoinPath("backups", n.SubmissionID).String()
}
