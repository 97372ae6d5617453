package notify

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/trace"
)

// A payload is the body of a webhook message (Standard Webhooks, “Payload structure”). It is the
// same for every attempt. Names that occur in the portal's API have the same spelling here.
type payload struct {
	Type      string    `json:"type"`      // "backup." and the event
	Timestamp time.Time `json:"timestamp"` // when the portal learned of the event
	Data      any       `json:"data"`      // a data, a rejectionData for “rejected”, a testData for “test”, or a gapData for “missing” and “mended”
}

// A gapData describes a gap of an expectation.
type gapData struct {
	GapID        string     `json:"GapId"` // the same for “missing” and “mended”
	Expectation  string     `json:"Expectation"`
	Account      string     `json:"Account"`
	Region       string     `json:"Region"`
	InstanceID   string     `json:"InstanceId"`
	ResourceName string     `json:"ResourceName,omitempty"`
	LastGood     *time.Time `json:"LastGood,omitempty"` // end of the last good backup before the gap; left out if none was found
	Environment  string     `json:"Environment,omitempty"`
	URL          string     `json:"Url,omitempty"` // URL of the start page
}

// newGapPayload returns the payload of a notice about a gap.
func newGapPayload(n backup.Notice, environment, link string) payload {
	g := n.Gap
	d := gapData{
		GapID: g.ID, Expectation: g.Expectation, Account: g.Account, Region: g.Region, InstanceID: g.Resource,
		ResourceName: g.Name, Environment: environment, URL: link,
	}
	if !g.LastGood.IsZero() {
		last := g.LastGood.UTC()
		d.LastGood = &last
	}
	return payload{Type: "backup." + string(n.Event), Timestamp: n.At.UTC(), Data: d}
}

// A rejectionData describes messages that were rejected.
type rejectionData struct {
	RejectionID  string      `json:"RejectionId"`
	Kind         string      `json:"Kind"` // unreadable, invalid, denied or account
	Door         backup.Door `json:"Door"`
	Source       string      `json:"Source"`                 // name in the policy, or "event:" and the kind of event
	Origin       string      `json:"Origin,omitempty"`       // source that the event names; proves nothing
	Reason       string      `json:"Reason"`                 // reason, in the language of the receiver
	SubmissionID string      `json:"SubmissionId,omitempty"` // id of the submission that the policy refused
	RequestID    string      `json:"RequestId,omitempty"`
	Environment  string      `json:"Environment,omitempty"`
	URL          string      `json:"Url,omitempty"` // URL of the list of rejected messages
}

// newRejectionPayload returns the payload of a notice about a rejection in language l. It has
// no count, which would differ between two attempts.
func newRejectionPayload(n backup.Notice, l param.Language, environment, link string) payload {
	r := n.Rejection
	return payload{Type: "backup." + string(n.Event), Timestamp: n.At.UTC(), Data: rejectionData{
		RejectionID:  r.ID,
		Kind:         string(r.Kind),
		Door:         r.Door,
		Source:       r.Sender.Subject,
		Origin:       r.Origin,
		Reason:       r.Reason.In(l),
		SubmissionID: r.SubmissionID,
		RequestID:    r.RequestID,
		Environment:  environment,
		URL:          link,
	}}
}

// A testData marks a test message. It has no member of another message, so that no receiver takes it for one.
type testData struct {
	Test        bool   `json:"Test"` // always true
	Receiver    string `json:"Receiver"`
	AskedBy     string `json:"AskedBy,omitempty"`
	Environment string `json:"Environment,omitempty"`
	URL         string `json:"Url,omitempty"` // URL of the portal
}

// newTestPayload returns the payload of a test message.
func newTestPayload(n backup.Notice, environment, link string) payload {
	return payload{Type: "backup." + string(n.Event), Timestamp: n.At.UTC(), Data: testData{
		Test: true, Receiver: n.Receiver, AskedBy: n.Record.Principal.Name, Environment: environment, URL: link,
	}}
}

// A data describes the submission and its job at the time of the event.
type data struct {
	SubmissionID string         `json:"SubmissionId"`
	JobID        string         `json:"JobId,omitempty"`
	JobName      string         `json:"JobName"`
	Status       backup.State   `json:"Status"` // state at the time of the event
	Outcome      backup.Outcome `json:"Outcome"`
	Account      string         `json:"Account"`
	Region       string         `json:"Region"`
	SourceType   string         `json:"SourceType"`
	InstanceID   string         `json:"InstanceId,omitempty"`
	ClusterID    string         `json:"ContainerClusterId,omitempty"`
	ResourceName string         `json:"ResourceName,omitempty"` // name of the instance or cluster when it was submitted
	AskedBy      string         `json:"AskedBy"`
	Door         backup.Door    `json:"Door"`
	Reason       string         `json:"Reason,omitempty"` // why the sender needs the backup
	Ticket       string         `json:"Ticket,omitempty"`
	Preset       string         `json:"Preset,omitempty"`
	CancelledBy  string         `json:"CancelledBy,omitempty"`     // name of who cancelled the job in the portal
	Code         string         `json:"Code,omitempty"`            // error code of a refusal by the cloud
	Message      string         `json:"Message,omitempty"`         // the cloud's message about the refusal
	ErrorMessage string         `json:"ErrorMessage,omitempty"`    // error text of a failed job, not cleaned
	Consistent   string         `json:"ConsistentLevel,omitempty"` // level that an application-consistent backup reached
	Downgrade    string         `json:"DowngradeReason,omitempty"` // why it is lower than requested
	Environment  string         `json:"Environment,omitempty"`
	URL          string         `json:"Url,omitempty"` // URL of the submission's page
}

// newPayload returns the payload of a notice. A notice of “created” describes a running job, even
// if the job has ended meanwhile, so that a late message is the same as a timely one.
func newPayload(n backup.Notice, environment, link string) payload {
	r := n.Record
	d := data{
		SubmissionID: n.SubmissionID,
		JobID:        r.Last.JobID,
		JobName:      r.JobName,
		Status:       backup.StateCreated,
		Outcome:      backup.OutcomeRunning,
		Account:      r.Account(),
		Region:       r.Region(),
		SourceType:   string(r.Complete.SourceType()),
		InstanceID:   r.Complete["InstanceId"],
		ClusterID:    r.Complete["ContainerClusterId"],
		ResourceName: r.ResourceName,
		AskedBy:      r.Principal.Name,
		Door:         r.Door,
		Reason:       r.Reason(),
		Ticket:       r.Ticket(),
		Preset:       r.Preset(),
		Environment:  environment,
		URL:          link,
	}
	if n.Event != backup.EventCreated {
		d.Code, d.Message, d.ErrorMessage = r.Last.Code, r.Last.Message, r.Job.ErrorMessage
		d.Status = cmp.Or(r.Job.Status, backup.StateRefused)
		d.Outcome = d.Status.Outcome()
		d.Consistent, d.Downgrade = r.Job.ConsistentLevel, r.Job.DowngradeReason
	}
	if n.Event == backup.EventCancelled {
		d.CancelledBy = r.Cancellation.By.Name
	}
	return payload{Type: "backup." + string(n.Event), Timestamp: n.At.UTC(), Data: d}
}

// webhook writes a message by Standard Webhooks. The id is the same for each attempt; time and
// signature differ.
func webhook(s *Sender, r receiver, n backup.Notice) (outgoing, error) {
	var message payload
	switch environment, link := s.cfg.Notifications.Environment, s.link(n); n.Event {
	case backup.EventTest:
		message = newTestPayload(n, environment, link)
	case backup.EventRejected:
		message = newRejectionPayload(n, r.Language, environment, link)
	default:
		message = newPayload(n, environment, link)
	}
	if isAboutGap(n) {
		message = newGapPayload(n, s.cfg.Notifications.Environment, s.link(n))
	}
	body, err := json.Marshal(message)
	if err != nil {
		return outgoing{}, err
	}
	id, at := "msg_"+n.ID(), strconv.FormatInt(s.cfg.Now().Unix(), 10)
	header := http.Header{}
	header.Set("webhook-id", id)
	header.Set("webhook-timestamp", at)
	header.Set("webhook-signature", "v1,"+sign(r.Secret.Reveal(), id+"."+at+"."+string(body)))
	if t := trace.Read(n.Record.Trace); !t.IsZero() {
		header.Set("traceparent", t.Child().Parent())
		if t.State != "" {
			header.Set("tracestate", t.State)
		}
	}
	return outgoing{body: body, header: header}, nil
}

// sign returns the HMAC-SHA256 of text in base64.
func sign(key, text string) string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// anyAnswer accepts every answer of a webhook: its status is the confirmation.
func anyAnswer([]byte) error { return nil }
