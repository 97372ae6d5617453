package backup

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
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

// Notifications is who is told of events.
type Notifications struct {
	Environment string // stands in front of every message; may be empty
	Receivers   []Receiver
}

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

// ErrReceiverURL is an address that no message is sent to. It does not quote
// the address.
var ErrReceiverURL = errors.New("is not a valid receiver URL: write https://, a host and a path, without user and fragment")

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

// Notices stores which notices are to be sent.
type Notices interface {
	// Announce remembers those of the notices that are not remembered yet, and
	// says how many these were. Notices about unknown submissions are left out.
	Announce(ctx context.Context, notices []Notice) (int, error)
	// Due returns at most limit notices to a receiver that may be sent at now,
	// those that have been waiting longest first, with their records.
	Due(ctx context.Context, receiver string, now time.Time, limit int) ([]Notice, error)
	// Lease reports whether n may be sent by the caller: if it is not done, and
	// nobody has taken it since it was read. It is due again from until on.
	Lease(ctx context.Context, n Notice, until time.Time) (bool, error)
	// Done says that n need not be sent any more.
	Done(ctx context.Context, n Notice, now time.Time) error
}

// A notifier announces the events of submissions, and delivers the notices. Without
// a messenger it does neither.
type notifier struct {
	store     Notices
	messenger Messenger
	announced chan<- struct{}
	log       *slog.Logger
	now       func() time.Time
}

// notifier returns the notices of s.
func (s *Service) notifier() notifier {
	return notifier{store: s.Store, messenger: s.Messenger, announced: s.Announced, log: s.Log, now: s.Now}
}

// announce stores that these notices are to be sent, unless that is stored already.
// It sends none. A failure is logged, too.
func (n notifier) announce(ctx context.Context, notices []Notice) error {
	if len(notices) == 0 {
		return nil
	}
	added, err := n.store.Announce(ctx, notices)
	if err != nil {
		n.log.WarnContext(ctx, "recording notices", "submission", notices[0].SubmissionID, "notices", len(notices), "error", err)
		return storeUnavailable(err)
	}
	if added > 0 {
		select {
		case n.announced <- struct{}{}:
		default: // it will wake anyway
		}
	}
	return nil
}

// noticesOf returns the notices about r, one for each receiver of each event. Events
// that are older than [noticeLife] are left out: a receiver that is new in the
// policy does not get them.
func (n notifier) noticesOf(r Record) (all []Notice) {
	if n.messenger == nil {
		return nil
	}
	for _, notice := range r.happened() {
		if n.now().Sub(notice.At) >= noticeLife {
			continue
		}
		for _, notice.Receiver = range n.messenger.Receivers(notice.Event, r.Account()) {
			all = append(all, notice)
		}
	}
	return all
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

// endings are the events that outcomes are, if they are final.
var endings = map[Outcome]Event{
	OutcomeSucceeded: EventSucceeded,
	OutcomePartial:   EventPartial,
	OutcomeFailed:    EventFailed,
	OutcomeCancelled: EventCancelled,
}

// deliver sends the notices that are due, and says how many it sent. Several may
// run at once. Receivers are told side by side, so that one that hangs holds up no
// other.
func (n notifier) deliver(ctx context.Context) int {
	if n.messenger == nil {
		return 0
	}
	var sent atomic.Int32
	var receivers sync.WaitGroup
	for _, receiver := range n.messenger.All() {
		receivers.Go(func() { n.deliverTo(ctx, receiver, &sent) })
	}
	receivers.Wait()
	return int(sent.Load())
}

// deliverTo sends what is due to one receiver, oldest first, until that fails:
// then the receiver is likely to be away, and the rest is left for the next time.
func (n notifier) deliverTo(ctx context.Context, receiver string, sent *atomic.Int32) {
	defer recovered(ctx, n.log, "delivery")
	due, err := n.store.Due(ctx, receiver, n.now(), mostSent)
	if err != nil && ctx.Err() == nil {
		n.log.WarnContext(ctx, "listing notices", "receiver", receiver, "error", err)
	}
	for _, notice := range due {
		if !leaves(ctx, sendTime) {
			return
		}
		until := n.now().Add(pause(notice.Attempts))
		ours, err := n.store.Lease(ctx, notice, until)
		if err != nil {
			n.log.WarnContext(ctx, "claiming a notice", "receiver", receiver, "error", err)
			return
		}
		if !ours {
			continue
		}
		notice.Attempts++
		switch err := n.send(ctx, notice, until); {
		case err == nil:
			sent.Add(1)
		case !errors.Is(err, errOverdue):
			return
		}
	}
}

// send sends a notice that was taken until some time. That is also when it is
// tried again if this fails, or if the process stops: then nothing is left behind
// that has to be put right. What was begun is brought to its end even if the
// sweep's time is over.
func (n notifier) send(ctx context.Context, notice Notice, until time.Time) error {
	ctx = context.WithoutCancel(ctx)
	var err error
	switch end := notice.At.Add(noticeLife); {
	case !n.now().Before(until):
		return errOverdue // this process stood still, and by now the notice may be another's
	case !n.now().Before(end):
		err = errOverdue
	default:
		limited, cancel := context.WithTimeout(ctx, sendTime)
		err = n.messenger.Send(limited, notice)
		cancel()
		if err != nil && until.Before(end) {
			n.log.WarnContext(ctx, "notice not sent", "submission", notice.SubmissionID, "event", notice.Event, "receiver", notice.Receiver,
				"attempt", notice.Attempts, "again", until, "error", err)
			return err
		}
	}
	if err != nil {
		n.log.ErrorContext(ctx, "notice given up", "submission", notice.SubmissionID, "event", notice.Event, "receiver", notice.Receiver,
			"attempts", notice.Attempts, "at", notice.At, "error", err)
	}
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	if failed := n.store.Done(ctx, notice, n.now()); failed != nil {
		n.log.WarnContext(ctx, "closing a notice", "submission", notice.SubmissionID, "event", notice.Event, "receiver", notice.Receiver,
			"error", failed)
	}
	return err
}

// errOverdue is why a notice was not sent that its receiver may well have taken.
var errOverdue = errors.New("deadline exceeded: not sent in time")

// How long a notice is tried, from its event on; how long one attempt may take;
// and how many are sent to one receiver at a time, since robots in chats take 20
// messages a minute.
const (
	noticeLife = 24 * time.Hour
	sendTime   = 6 * time.Second
	mostSent   = 20
)

// pause is how long to wait after an attempt that had so many before it.
func pause(before int) time.Duration { return pauses[min(before, len(pauses)-1)] }

// pauses are those after the first attempts, in their order. The last one
// stands for all that follow. Each is longer than an attempt, since it is also
// how long nobody else tries.
var pauses = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour}
