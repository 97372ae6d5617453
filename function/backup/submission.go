package backup

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"
	"time"

	"backupportal/function/identity"
	"backupportal/function/jsontext"
	"backupportal/function/lenhash"
	"backupportal/function/param"
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
func (d Door) Name() param.Text {
	switch d {
	case DoorForm:
		return param.Both("form", "表单")
	case DoorAPI:
		return param.Both("API", "API")
	case DoorWebhook:
		return param.Both("webhook", "Webhook")
	case DoorEvent:
		return param.Both("event", "事件")
	}
	return param.Both(string(d), string(d))
}

// A Submission is one request to the portal, as a door read it.
type Submission struct {
	Door      Door
	Principal identity.Principal
	Key       string       // idempotency key: the same key is the same submission
	Params    param.Params // what the caller gave
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
	return idOf(
		"portal/denied/v1",
		string(s.Door),
		s.Principal.ID(),
		s.Fingerprint(),
		now.UTC().Format("2006-01-02T15"),
	)
}

// idOf returns the name that a label and texts have: 128 bits of their hash, in
// base 32.
func idOf(label string, parts ...string) string {
	sum := lenhash.Sum(append([]string{label}, parts...)...)
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
}

// Fingerprint is the hex SHA-256 of what the caller gave, before defaults: two
// submissions with one key must have the same.
func (s Submission) Fingerprint() string {
	given := param.Params{}
	for name, value := range s.Params {
		if value != "" {
			given[name] = value
		}
	}
	sum := sha256.Sum256([]byte(jsontext.Must(given))) // encoding/json sorts keys
	return hex.EncodeToString(sum[:])
}

// JobName is the name of the submission's job: the label that the person
// typed, or "portal", and the submission's ID, so that the cloud's own list
// tells whose job it is.
func (s Submission) JobName() string { return s.label() + "-" + s.ID() }

func (s Submission) label() string { return cmp.Or(s.Params["JobName"], "portal") }
