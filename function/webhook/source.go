package webhook

import (
	"strings"
	"time"

	"backupportal/function/secret"
)

// A Kind says how the messages of a sender of webhooks are verified. The zero Kind accepts no
// message.
type Kind string

// The kinds of senders; the package comment compares them.
const (
	Standard Kind = "standard" // Standard Webhooks, versions v1 and v1a
	GitHub   Kind = "github"   // the header X-Hub-Signature-256
	Bearer   Kind = "bearer"   // a token, for senders that cannot sign
)

// Kinds lists all kinds. It must not be changed.
var Kinds = []Kind{Standard, GitHub, Bearer}

// A Source is one configured sender of webhooks: how its messages are verified, and how they
// become backup requests (submissions).
type Source struct {
	Name       string          // the Subject of the principal, and the last part of the path /webhooks/NAME
	Kind       Kind            // how messages are verified
	Tolerance  time.Duration   // for Standard: how far the time of a message may be in the past or future
	BodyKey    bool            // for Bearer: without the header Idempotency-Key, the hash of the body is the key
	Keys       []Key           // several keys while one key is being replaced; without keys no message is accepted
	When       []Condition     // a message starts a backup only if all conditions hold; nil: every message does
	Submission map[string]Part // the template: a value for each parameter, by its dotted API name
}

// A Key verifies messages of one source. Exactly one of Secret, Public and Sum is set.
type Key struct {
	ID       string        // unique within the source; appears in the log
	Secret   secret.String // for Standard (v1) and GitHub: the HMAC key, decoded
	Public   []byte        // for Standard (v1a): the ed25519 public key, 32 bytes
	Sum      [32]byte      // for Bearer: the SHA-256 of the token
	NotAfter time.Time     // the key is refused from this time on; zero: it does not expire
}

// A Part says where the template of a source gets the value of one parameter: the fixed text
// Value or, if Pointer is not nil, the value at that place of the message.
type Part struct {
	Value   string
	Pointer []string // a JSON pointer as [ParsePointer] returns it
}

// A Condition is true if the message has, at the place Pointer, a string, number or boolean
// whose text is Equals. The text of a number is as the message writes it.
type Condition struct {
	Pointer []string // a JSON pointer as [ParsePointer] returns it
	Equals  string
}

// ParsePointer splits a JSON pointer (RFC 6901, section 3) into its unescaped
// reference tokens. It returns false if s does not start with "/" or has a "~" that is
// not part of "~0" or "~1". The empty pointer, which means the whole message, is
// refused too: no parameter is a whole message.
func ParsePointer(s string) ([]string, bool) {
	if !strings.HasPrefix(s, "/") {
		return nil, false
	}
	var parts []string
	for part := range strings.SplitSeq(s[1:], "/") {
		plain := strings.NewReplacer("~0", "", "~1", "").Replace(part)
		if strings.Contains(plain, "~") {
			return nil, false
		}
		parts = append(parts, strings.NewReplacer("~1", "/", "~0", "~").Replace(part))
	}
	return parts, true
}
