package backup

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"time"

	"backupportal/function/param"
	"backupportal/function/secret"
)

// An Event is a turn in the life of a submission that people are told of.
type Event string

// The events. A submission has the first of them at most once, and at most one
// of the others. What the policy refused, or was not sent, is no event: whoever
// asked has heard it already.
const (
	EventCreated   Event = "created"   // there is a job
	EventSucceeded Event = "succeeded" // whatever becomes of a copy in another region
	EventPartial   Event = "partial"   // the backup is there, some items are not in it
	EventFailed    Event = "failed"    // there is no backup; the cloud may have refused to begin
	EventCancelled Event = "cancelled" // somebody wanted no backup
)

// Events are all of them.
var Events = []Event{EventCreated, EventSucceeded, EventPartial, EventFailed, EventCancelled}

// A ReceiverKind says how messages to a receiver are written, and how it says
// that it got them.
type ReceiverKind string

// The kinds of receivers. All but the first are robots in chats.
const (
	WebhookReceiver ReceiverKind = "webhook" // JSON, signed by Standard Webhooks
	DingTalk        ReceiverKind = "dingtalk"
	Feishu          ReceiverKind = "feishu"
	WeCom           ReceiverKind = "wecom"
	Slack           ReceiverKind = "slack"
)

// ReceiverKinds are all of them.
var ReceiverKinds = []ReceiverKind{WebhookReceiver, DingTalk, Feishu, WeCom, Slack}

// A Receiver is one that is told of events, as the policy names it. Nothing of
// it ever comes from a request.
type Receiver struct {
	Name     string
	Kind     ReceiverKind
	URL      secret.String // whoever knows a robot's address can write in its chat; see ParseReceiverURL
	Secret   secret.String // signs; of a webhook the key itself, decoded; may be empty for robots
	Events   []Event
	Accounts []string // aliases of accounts; nil means all
	Language param.Language
	Private  bool // its address may be one of a private network
}

// Notifications is who is told of events.
type Notifications struct {
	Environment string // stands in front of every message; may be empty
	Receivers   []Receiver
}

// ErrReceiverURL is an address that no message is sent to. It does not quote
// the address.
var ErrReceiverURL = errors.New("is no address of a receiver: write https://, a host and a path, without user and fragment")

// ParseReceiverURL reads the address of a receiver: https, or plain http on
// this machine, which only tests and demonstrations use.
func ParseReceiverURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return nil, ErrReceiverURL
	}
	ip, _ := netip.ParseAddr(u.Hostname())
	if u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost" && !ip.IsLoopback()) {
		return nil, ErrReceiverURL
	}
	return u, nil
}

// A Notice is that one receiver is to be told of one event.
type Notice struct {
	SubmissionID string
	Event        Event
	Receiver     string    // its name
	At           time.Time // when the portal learned of the event; milliseconds
	Attempts     int       // how often somebody has taken it to send it
	Record       Record    // as it was when the notice was read; zero in one that is announced
}

// ID is the notice's own name, the same for every attempt, so that a receiver
// can tell a repeat.
func (n Notice) ID() string {
	return idOf("portal/notice/v1", n.SubmissionID, string(n.Event), n.Receiver)
}

// Messenger sends notices. Its methods are safe for concurrent use.
type Messenger interface {
	// All names every receiver.
	All() []string
	// Receivers names those that want to know of an event in an account, by its
	// alias.
	Receivers(e Event, account string) []string
	// Send sends one notice, once. Its errors hold neither addresses nor secrets.
	Send(ctx context.Context, n Notice) error
}

// endings are the events that outcomes are, if they are final.
var endings = map[Outcome]Event{
	OutcomeSucceeded: EventSucceeded, OutcomePartial: EventPartial, OutcomeFailed: EventFailed, OutcomeCancelled: EventCancelled,
}

// happened are the events of r so far, as notices to nobody yet.
func (r Record) happened() (all []Notice) {
	add := func(e Event, at time.Time) {
		if e != "" {
			all = append(all, Notice{SubmissionID: r.SubmissionID, Event: e, At: at})
		}
	}
	switch r.Last.Kind {
	case StepCreated:
		add(EventCreated, r.Last.At)
		add(endings[r.Job.Status.Outcome()], r.Job.SeenAt)
	case StepRefused:
		add(EventFailed, r.Last.At)
	}
	return all
}

// notices are those about r that somebody wants. What happened too long ago is
// left out: that the policy names a new receiver is no reason to tell it.
func (s *Service) notices(r Record) (all []Notice) {
	if s.Messenger == nil {
		return nil
	}
	for _, n := range r.happened() {
		if s.Now().Sub(n.At) >= noticeLife {
			continue
		}
		for _, n.Receiver = range s.Messenger.Receivers(n.Event, r.Account()) {
			all = append(all, n)
		}
	}
	return all
}

// announce writes down that these notices are to be sent, unless that is written
// already. It sends none, and nothing that depends on a receiver fails with it.
func (s *Service) announce(ctx context.Context, notices []Notice) error {
	if len(notices) == 0 {
		return nil
	}
	added, err := s.Store.Announce(ctx, notices)
	if err != nil {
		s.Log.WarnContext(ctx, "announcing", "submission", notices[0].SubmissionID, "notices", len(notices), "error", err)
		return away(err)
	}
	if added > 0 {
		select {
		case s.Announced <- struct{}{}:
		default: // nobody waits, or somebody is about to look anyway
		}
	}
	return nil
}

// end announces what r has come to, and then tells the store that r is over, if
// it is. Should either fail, the next sweep does both.
func (s *Service) end(ctx context.Context, r Record) {
	now := s.Now()
	if r.State(now).Lives() || s.announce(ctx, s.notices(r)) != nil || !r.Over(now) {
		return
	}
	if err := s.Store.End(ctx, r.SubmissionID, r.State(now)); err != nil {
		s.Log.WarnContext(ctx, "ending a submission", "submission", r.SubmissionID, "error", err)
	}
}
