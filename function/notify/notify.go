// Package notify sends notifications about backups.
//
// A notification goes to a webhook, or to a robot in a chat.
//
// Every kind of receiver has its own form, its own signature, and its own way to
// say that it took a message: robots answer 200 to everything, so their words
// count. What people have typed never acts on the text around it. A message goes
// to the address in the policy's variable and nowhere else: redirects are not
// followed, proxies not used, and addresses that are not public refused. Errors
// hold no address, no secret, and nothing that a receiver has written.
package notify

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"backupportal/function/backup"
)

// Config is what a [Sender] needs.
type Config struct {
	Notifications backup.Notifications
	PublicURL     *url.URL         // origin of the portal, for links; nil leaves them out
	Zone          *time.Location   // of the times in chats; nil means UTC
	Now           func() time.Time // of signatures

	// Account finds an account by its alias, for its name in chats; nil shows aliases.
	Account func(alias string) (backup.Account, bool)

	Loopback bool           // receivers may be on this machine, without TLS: for tests
	Roots    *x509.CertPool // to trust; nil means the system's
}

// A Sender is a [backup.Messenger].
type Sender struct {
	cfg       Config
	receivers []receiver
}

// A receiver is one with its address read and its client made.
type receiver struct {
	backup.Receiver
	kind   kind
	url    *url.URL
	client *http.Client
}

// A kind is how receivers of one kind are talked to.
type kind struct {
	write    func(*Sender, receiver, backup.Notice) (outgoing, error)
	accepted func(answer []byte) error // why an answer with a status of success is none
}

// An outgoing message is what one request carries.
type outgoing struct {
	body   []byte // JSON
	header http.Header
	query  url.Values // beside that of the address
}

var kinds = map[backup.ReceiverKind]kind{
	backup.WebhookReceiver: {webhook, anything},
	backup.DingTalk:        {dingTalk, errcode},
	backup.Feishu:          {feishu, feishuCode},
	backup.WeCom:           {weCom, errcode},
	backup.Slack:           {slack, slackWord},
}

var _ backup.Messenger = (*Sender)(nil)

// New checks the receivers, and makes a client for each. It connects to nothing.
func New(cfg Config) (*Sender, error) {
	s := &Sender{cfg: cfg}
	s.cfg.Zone = cmp.Or(cfg.Zone, time.UTC)
	for _, r := range cfg.Notifications.Receivers {
		k, known := kinds[r.Kind]
		u, err := backup.ParseReceiverURL(r.URL.Reveal())
		switch {
		case !known:
			return nil, fmt.Errorf("notify: receiver %s: unknown kind %q", r.Name, r.Kind)
		case err != nil:
			return nil, fmt.Errorf("notify: receiver %s: the URL %w", r.Name, err)
		case u.Scheme != "https" && !cfg.Loopback:
			return nil, fmt.Errorf("notify: receiver %s: the URL must begin with https://", r.Name)
		case r.Kind == backup.WebhookReceiver && r.Secret.IsZero():
			// An HMAC with an empty key is one that everybody can make.
			return nil, fmt.Errorf("notify: receiver %s: a webhook needs a secret", r.Name)
		}
		may := reach{private: r.Private, loopback: cfg.Loopback}
		if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !may.allows(ip) {
			return nil, fmt.Errorf("notify: receiver %s: the URL is not allowed: use a public address, or write private: true if the receiver is in a private network", r.Name)
		}
		s.receivers = append(s.receivers, receiver{r, k, u, newClient(may, cfg.Roots)})
	}
	return s, nil
}

// All implements [backup.Messenger].
func (s *Sender) All() (names []string) {
	for _, r := range s.receivers {
		names = append(names, r.Name)
	}
	return names
}

// Receivers implements [backup.Messenger].
func (s *Sender) Receivers(e backup.Event, account string) (names []string) {
	for _, r := range s.receivers {
		if slices.Contains(r.Events, e) && (r.Accounts == nil || slices.Contains(r.Accounts, account)) {
			names = append(names, r.Name)
		}
	}
	return names
}

// Send implements [backup.Messenger].
func (s *Sender) Send(ctx context.Context, n backup.Notice) error {
	i := slices.IndexFunc(s.receivers, func(r receiver) bool { return r.Name == n.Receiver })
	if i < 0 {
		return fmt.Errorf("notify: the policy has no receiver %s", n.Receiver)
	}
	r := s.receivers[i]
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

// link is the page of a submission; empty if nobody knows where the portal is.
func (s *Sender) link(n backup.Notice) string {
	if s.cfg.PublicURL == nil {
		return ""
	}
	return s.cfg.PublicURL.JoinPath("backups", n.SubmissionID).String()
}
