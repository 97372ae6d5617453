// Package identity describes who sends a request to the portal.
//
// The sender is a [Principal]. Its kind says how it is proved and which of its fields
// name it:
//
//	kind        proof                                     named by
//	KindHuman   a verified sign-in (OpenID Connect)       Issuer with Subject, Groups or Email
//	KindSource  a Token, a webhook's signature, or the    Subject: the name in the policy
//	            signed token of a Pipeline
//	KindEvent   none: the platform delivers the event     Subject: "event:" and the kind of event
//
// The package holds data only. Package policy decides what a principal may do.
package identity

// A Kind says what kind of sender a principal is. A rule for one kind never applies to another,
// even if the names are equal. The zero Kind means that the sender is unknown; no team has such
// a member.
type Kind string

// The kinds of principals.
const (
	KindHuman  Kind = "human"  // a person
	KindSource Kind = "source" // a program: the sender of webhooks, the holder of a token, or a pipeline
	KindEvent  Kind = "event"  // the platform, for one kind of its events
)

// A Principal is the sender of a request: a person, a program or an event of the platform.
//
// A store keeps only Issuer, Subject and Name. The other fields are valid only during the
// request, because the policy decides by what the sender can prove now.
type Principal struct {
	Kind    Kind
	Issuer  string   // for a person: the issuer of the sign-in; empty for other kinds
	Subject string   // for a person: unique within the issuer; otherwise the name of the source or event
	Name    string   // shown to people
	Email   string   // verified by the issuer, in lower case; empty without an address
	Groups  []string // the issuer's groups of the person, limited to groups that the policy names
	Key     string   // id of the key or session that was used, for the audit trail; never a secret

	Lookup GroupLookup // for a person: where groups were looked for; for explanations only
}

// ID returns a text that is different for different principals: Issuer, "#" and
// Subject. It is unambiguous because an issuer's URL contains no "#" (OpenID Connect
// Core 1.0, section 2: an issuer has no fragment).
func (p Principal) ID() string { return p.Issuer + "#" + p.Subject }
