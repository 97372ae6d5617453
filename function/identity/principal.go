// Package identity describes who sends a request to the portal.
//
// A [Principal] is the sender. A person is a principal by the issuer and the
// subject of a verified sign-in. A program is one by its name in the policy, which
// it proves by a [Token] or by a signed token of the service that runs it ([Pipeline]).
// An event of the platform is one by its kind.
package identity

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
