package backup

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"backupportal/function/param"
	"backupportal/function/secret"
)

// Event is a change of a submission that receivers are notified of.
type Event string

// The events. A submission has EventCreated at most once, at most one of the next four, and after
// that EventConsistencyMissed at most once. A
// refusal is not an event if the sender, a person or a program, reads the answer. EventRejected is
// for webhooks and events of the platform, whose answer may have no reader; see [Rejection].
const (
	EventCreated   Event = "created"   // the job exists
	EventSucceeded Event = "succeeded" // the backup is complete; a copy in another region may still fail
	EventPartial   Event = "partial"   // there is a backup; some items are missing
	EventFailed    Event = "failed"    // there is no backup: the job failed, or the cloud refused the submission
	EventCancelled Event = "cancelled" // the job was cancelled
	// EventConsistencyMissed: the backup is complete, or partly, and less consistent than requested; see [ConsistencyMissed].
	EventConsistencyMissed Event = "consistency_missed"
	EventRejected          Event = "rejected" // a message can never be accepted; no submission exists
	EventMissing           Event = "missing"  // an instance lacks the backup that an expectation demands; see [Gap]
	EventMended            Event = "mended"   // it has one again; receivers of EventMissing get it
)

// EventTest is the event of a message that tests a receiver. It belongs to no submission, and no policy can
// select it.
const EventTest Event = "test"

// Events lists the events that a receiver can choose.
var Events = []Event{EventCreated, EventSucceeded, EventPartial, EventFailed, EventCancelled, EventConsistencyMissed, EventRejected, EventMissing}

// Notice is a stored order to send one receiver a message about one event of a submission, or
// about a rejection.
type Notice struct {
	SubmissionID string // id of the [Rejection] or the [Gap] that Event is about, if it is about one
	Event        Event
	Receiver     string    // name of the receiver
	At           time.Time // when the portal learned of the event; milliseconds
	Attempts     int       // how often the notice was leased
	Record       Record    // the submission at the time when the notice was read; zero in a new notice
	Rejection    Rejection // the rejection at this time, if Event is EventRejected; Record is then zero
	Gap          Gap       // the gap at this time, if Event is EventMissing or EventMended; Record is then zero
}

// ID returns the id of the notice. It is the same for every try to send it, so that a receiver
// can detect repeats.
func (n Notice) ID() string {
	return idOf("portal/notice/v1", n.SubmissionID, string(n.Event), n.Receiver)
}

// Notifications is the part of the policy that says who is notified.
type Notifications struct {
	Environment string // printed at the start of every message; may be empty
	Receivers   []Receiver
}

// Receiver is one receiver of notices, as the policy defines it. No value comes from a request.
type Receiver struct {
	Name string
	Kind ReceiverKind
	// URL is a secret: everyone who knows the URL of a chat robot can write to its chat. See
	// [ParseReceiverURL]. It is empty for Email.
	URL      secret.String
	Secret   secret.String // key for signatures, decoded for a webhook; password of an Email receiver; may be empty except for a webhook
	Mail     Mail          // settings of an Email receiver; zero for other receivers
	Events   []Event       // events that it receives; nil: only the ends of backups for which it was chosen
	Accounts []string      // aliases; nil: all accounts
	Language param.Language
	Private  bool // its URL or its server may have a private network address
}

// Mail says how e-mail gets to a receiver of kind [Email]. The connection always uses TLS.
type Mail struct {
	Host     string // name or IPv4 address of the SMTP server; the server's certificate must be valid for it
	Port     int
	Implicit bool          // the connection begins with TLS; otherwise it begins with STARTTLS
	From     string        // address of the sender
	To       []string      // addresses of the recipients, at least one
	User     secret.String // for the sign-in with Receiver.Secret; empty: no sign-in
}

// Takes reports whether r gets messages about an account.
func (r Receiver) Takes(account string) bool {
	return r.Accounts == nil || slices.Contains(r.Accounts, account)
}

// ReceiverKind decides the format of the messages to a receiver, and of the receiver's answers.
type ReceiverKind string

// The kinds of receivers. All except WebhookReceiver and Email are chat robots.
const (
	WebhookReceiver ReceiverKind = "webhook" // JSON with a signature of Standard Webhooks
	DingTalk        ReceiverKind = "dingtalk"
	Feishu          ReceiverKind = "feishu"
	WeCom           ReceiverKind = "wecom"
	Slack           ReceiverKind = "slack"
	Email           ReceiverKind = "email" // by SMTP
)

// ReceiverKinds lists all kinds. Package notify writes the messages for each kind; package
// policy knows which kinds need a secret.
var ReceiverKinds = []ReceiverKind{WebhookReceiver, DingTalk, Feishu, WeCom, Slack, Email}

// ErrReceiverURL is the error of [ParseReceiverURL]. It does not contain the URL, which is a
// secret.
var ErrReceiverURL = errors.New("is not a valid receiver URL: write https://, a host and a path, without user and fragment")

// ParseReceiverURL parses the URL of a receiver. It must be https, or http to a loopback address
// for tests and demonstrations. The error is [ErrReceiverURL].
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
	// All returns the names of all receivers.
	All() []string
	// Receivers returns the names of the receivers that want an event of an account. account is
	// an alias, or empty for EventRejected.
	Receivers(e Event, account string) []string
	// Takes reports whether there is a receiver with this name that gets messages about the
	// account.
	Takes(receiver, account string) bool
	// Send sends n once, without a retry. Nil means that the receiver confirmed n. Errors contain neither URLs
	// nor secrets. After [ErrUndeliverable] another try cannot succeed.
	Send(ctx context.Context, n Notice) error
}

// Notices stores notices: messages to receivers that are to be sent.
type Notices interface {
	// Announce stores those notices that are not stored yet, and returns their number. It
	// ignores notices about unknown submissions. Repeating a call is safe.
	Announce(ctx context.Context, notices []Notice) (int, error)
	// Due returns at most limit notices to the given receiver that are to be sent at now, with
	// their records. The longest wait comes first.
	Due(ctx context.Context, receiver string, now time.Time, limit int) ([]Notice, error)
	// Lease reports whether the caller may send n until the given time; no other process may
	// then. It is false if n is done, or if another process has leased it since it was read
	// (n.Attempts is compared). After until, n is due again, so a process that stops needs no
	// clean-up.
	Lease(ctx context.Context, n Notice, until time.Time) (bool, error)
	// Done marks n as finished: Due never returns it again. The error is [ErrNotFound] if n is
	// unknown.
	Done(ctx context.Context, n Notice, now time.Time) error
	// Waiting counts the notices to the receiver that are not done.
	Waiting(ctx context.Context, receiver string) (Waiting, error)
}

// notifier stores notices (messages to be sent) about events, and sends them. Without a
// messenger it does neither.
type notifier struct {
	store     Notices
	messenger Messenger
	announced chan<- struct{}
	log       *slog.Logger
	now       func() time.Time
}

// notifier returns the notifier of s.
func (s *Service) notifier() notifier {
	return notifier{store: s.Store, messenger: s.Messenger, announced: s.Announced, log: s.Log, now: s.Now}
}

// announce stores the notices that are not stored yet. If there are new ones, it wakes
// [Service.SweepEvery], which sends them. A failure is logged and returned as
// [ErrStoreUnavailable].
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
		n.wake()
	}
	return nil
}

// wake makes [Service.SweepEvery], the loop that sends notices, send new ones now.
func (n notifier) wake() {
	select {
	case n.announced <- struct{}{}:
	default: // it is already woken
	}
}

// receiversOf returns the names of the receivers of an event that belongs to no account.
func (n notifier) receiversOf(e Event) []string { return n.receiversIn(e, "") }

// receiversIn returns the names of the receivers of an event in an account.
func (n notifier) receiversIn(e Event, account string) []string {
	if n.messenger == nil {
		return nil
	}
	return n.messenger.Receivers(e, account)
}

// noticesOf returns the notices about all events of r so far, one for each event and receiver.
// It leaves out events older than [noticeLifetime], so that a new receiver gets no old notices.
func (n notifier) noticesOf(r Record) (all []Notice) {
	if n.messenger == nil {
		return nil
	}
	for _, notice := range r.eventNotices() {
		if n.now().Sub(notice.At) >= noticeLifetime {
			continue
		}
		for _, notice.Receiver = range n.receiversFor(notice.Event, r) {
			all = append(all, notice)
		}
	}
	return all
}

// receiversFor returns the names of the receivers of an event of r: the receivers that the policy names for the
// event and, at the end of the backup, the receivers that the request chose. It leaves out a chosen receiver that
// is not in the policy any more.
func (n notifier) receiversFor(e Event, r Record) []string {
	all := n.messenger.Receivers(e, r.Account())
	if e == EventCreated {
		return all
	}
	for _, name := range r.Notify() {
		if !slices.Contains(all, name) && n.messenger.Takes(name, r.Account()) {
			all = append(all, name)
		}
	}
	return all
}

// eventNotices returns the events of r so far, as notices without a receiver.
func (r Record) eventNotices() (all []Notice) {
	add := func(e Event, at time.Time) {
		if e != "" {
			all = append(all, Notice{SubmissionID: r.SubmissionID, Event: e, At: at})
		}
	}
	switch r.Last.Kind {
	case StepCreated:
		add(EventCreated, r.Last.At)
		add(finalEvents[r.Job.Status.Outcome()], r.Job.SeenAt)
		if r.missedConsistency() {
			add(EventConsistencyMissed, r.Job.SeenAt)
		}
	case StepRefused:
		add(EventFailed, r.Last.At)
	}
	return all
}

// finalEvents maps each final outcome of a submission to the event that its notice reports.
var finalEvents = map[Outcome]Event{
	OutcomeSucceeded: EventSucceeded,
	OutcomePartial:   EventPartial,
	OutcomeFailed:    EventFailed,
	OutcomeCancelled: EventCancelled,
}

// deliver sends the notices that are due, and returns how many it sent. Several processes may
// run it at the same time. It serves all receivers in parallel, so that a slow one does not
// delay the others.
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

// deliverTo sends the due notices to one receiver, oldest first. It stops at the first failure,
// because the receiver is probably unavailable; the next run sends the rest. A receiver that
// refuses a message for good is available, so that is no such failure.
func (n notifier) deliverTo(ctx context.Context, receiver string, sent *atomic.Int32) {
	defer logPanic(ctx, n.log, "delivery")
	due, err := n.store.Due(ctx, receiver, n.now(), maxNoticesPerRun)
	if err != nil && ctx.Err() == nil {
		n.log.WarnContext(ctx, "listing notices", "receiver", receiver, "error", err)
	}
	for _, notice := range due {
		if !hasTimeLeft(ctx, sendTimeout) {
			return
		}
		until := n.now().Add(retryDelay(notice.Attempts))
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
		case !errors.Is(err, errExpired) && !errors.Is(err, ErrUndeliverable):
			return
		}
	}
}

// send sends a notice that this process has leased until the given time. After that time
// another process can lease it, so a failure needs no clean-up. It ignores the cancellation of
// ctx: a message that was started must not be cut off.
//
// If nothing was sent because the lease or the notice is too old, the error is [errExpired].
// After [noticeLifetime], and after [ErrUndeliverable], the portal stops trying: it marks the
// notice as done and logs an error.
func (n notifier) send(ctx context.Context, notice Notice, until time.Time) error {
	ctx = context.WithoutCancel(ctx)
	var err error
	switch end := notice.At.Add(noticeLifetime); {
	case !n.now().Before(until):
		return errExpired // this process was frozen, and another may have leased the notice
	case !n.now().Before(end):
		err = errExpired
	default:
		limited, cancel := context.WithTimeout(ctx, sendTimeout)
		err = n.messenger.Send(limited, notice)
		cancel()
		if err != nil && until.Before(end) && !errors.Is(err, ErrUndeliverable) {
			n.log.WarnContext(ctx, "notice not sent",
				"submission", notice.SubmissionID, "event", notice.Event, "receiver", notice.Receiver,
				"attempt", notice.Attempts, "again", until, "error", err)
			return err
		}
	}
	if err != nil {
		n.log.ErrorContext(ctx, "notice given up",
			"submission", notice.SubmissionID, "event", notice.Event, "receiver", notice.Receiver,
			"attempts", notice.Attempts, "at", notice.At, "error", err)
	}
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	if doneErr := n.store.Done(ctx, notice, n.now()); doneErr != nil {
		n.log.WarnContext(ctx, "closing a notice",
			"submission", notice.SubmissionID, "event", notice.Event, "receiver", notice.Receiver,
			"error", doneErr)
	}
	return err
}

// errExpired says that a notice was not sent because it, or its lease, is too old. It says
// nothing about the receiver.
var errExpired = errors.New("deadline exceeded: not sent in time")

// ErrUndeliverable means that a receiver refused a message for good, so the portal does not send
// the message again.
var ErrUndeliverable = errors.New("refused for good")

// noticeLifetime is how long after its event the portal tries to send a notice. sendTimeout
// limits one try. maxNoticesPerRun limits the notices to one receiver in one run, because chat
// robots accept 20 messages in a minute.
const (
	noticeLifetime   = 24 * time.Hour
	sendTimeout      = 6 * time.Second
	maxNoticesPerRun = 20
)

// retryDelay returns how long a notice is leased for its next try. attempts is the number of
// earlier tries.
func retryDelay(before int) time.Duration { return retryDelays[min(before, len(retryDelays)-1)] }

// retryDelays lists how long a notice is leased for the first tries; the last value applies to
// all later ones. During a lease no other process tries, so each is longer than [sendTimeout].
var retryDelays = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour}
