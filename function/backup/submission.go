package backup

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"
)

// A Door is the way by which a submission came in.
type Door string

// The doors.
const (
	DoorForm    Door = "form"
	DoorAPI     Door = "api"
	DoorWebhook Door = "webhook"
	DoorEvent   Door = "event"
)

// Name is what people call d.
func (d Door) Name() Text {
	switch d {
	case DoorForm:
		return Text{"form", "表单"}
	case DoorAPI:
		return Text{"API", "API"}
	case DoorWebhook:
		return Text{"webhook", "Webhook"}
	case DoorEvent:
		return Text{"event", "事件"}
	}
	return Text{string(d), string(d)}
}

// A Kind says what a principal is. A human is never taken for a machine that
// has the same name, nor the reverse.
type Kind string

// The kinds of principals. The zero Kind is nobody whom a policy could know.
const (
	KindHuman  Kind = "human"  // who signed in; known by Issuer with Subject or Groups
	KindSource Kind = "source" // a webhook source, a machine token or a pipeline's identity; known by Subject, its name in the policy
	KindEvent  Kind = "event"  // the platform's events; known by Subject, "event:" and the kind of event
)

// A Principal is who sent a submission: a person, by issuer and subject, or a
// machine, by the name of its source. Stores remember Issuer, Subject and Name
// alone: what else a principal may do is a question of the moment.
type Principal struct {
	Kind    Kind
	Issuer  string   // of the identity; empty for a machine
	Subject string   // within the issuer, or the source's name
	Name    string   // shown to people
	Email   string   // that the issuer has verified, in lower case; empty otherwise
	Groups  []string // that the issuer put the person in, of those that the policy names
	Key     string   // which key or session it showed, for the audit; never a secret
}

// ID tells principals apart. An issuer has no fragment, so "#" parts them.
func (p Principal) ID() string { return p.Issuer + "#" + p.Subject }

// A Submission is one request to the portal, as a door read it.
type Submission struct {
	Door      Door
	Principal Principal
	Key       string // idempotency key: the same key is the same submission
	Params    Params // what the caller gave
}

// ID is the submission's own name: 26 characters that only its door, its
// principal and its key decide, so that it survives a lost store.
func (s Submission) ID() string {
	return idOf("portal/submission/v1", string(s.Door), s.Principal.ID(), s.Key)
}

// deniedID names a refusal of s by the policy: another one than ID, so that the
// refusal does not stand for s once s is allowed, and the same for all that
// are alike within an hour.
func (s Submission) deniedID(now time.Time) string {
	return idOf("portal/denied/v1", string(s.Door), s.Principal.ID(), s.Fingerprint(), now.UTC().Format("2006-01-02T15"))
}

// idOf makes a name of texts that nobody gets by shifting the borders between
// them.
func idOf(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		var length [4]byte
		binary.BigEndian.PutUint32(length[:], uint32(len(part)))
		h.Write(length[:])
		h.Write([]byte(part))
	}
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(h.Sum(nil)[:16]))
}

// Fingerprint is the hex SHA-256 of what the caller gave, before defaults: two
// submissions with one key must have the same.
func (s Submission) Fingerprint() string {
	given := Params{}
	for name, value := range s.Params {
		if value != "" {
			given[name] = value
		}
	}
	sum := sha256.Sum256([]byte(jsonText(given))) // encoding/json sorts keys
	return hex.EncodeToString(sum[:])
}

// JobName is the name of the submission's job: the label that the person
// typed, or "portal", and the submission's ID, so that the cloud's own list
// tells whose job it is.
func (s Submission) JobName() string { return s.label() + "-" + s.ID() }

func (s Submission) label() string { return cmp.Or(s.Params["JobName"], "portal") }
