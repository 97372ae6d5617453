package webhook

import (
	"strings"
	"time"

	"backupportal/function/secret"
)

// A HookKind is how the sender of webhooks shows who it is.
type Kind string

// The kinds of webhooks.
const (
	Standard Kind = "standard" // Standard Webhooks, v1 and v1a
	GitHub   Kind = "github"   // X-Hub-Signature-256
	Bearer   Kind = "bearer"   // a token, for senders that cannot sign
)

// HookKinds are all of them.
var Kinds = []Kind{Standard, GitHub, Bearer}

// A HookSource is a sender of webhooks, and what its messages ask for. Its name is
// the principal's.
type Source struct {
	Name       string
	Kind       Kind
	Tolerance  time.Duration // of StandardHook: how old or early a message may be
	BodyKey    bool          // of BearerHook: a message without a key has the hash of its body as one
	Keys       []Key
	When       []Condition     // all must hold; other messages start nothing
	Submission map[string]Part // by the names of parameters
}

// A HookKey is one by which a source is known: a secret that signs, a public key
// that verifies, or the sum of a token.
type Key struct {
	ID       string
	Secret   secret.String // of HMAC; empty for the others
	Public   []byte        // of ed25519, 32 bytes; nil for the others
	Sum      [32]byte      // SHA-256 of a token; of BearerHook
	NotAfter time.Time     // zero: it does not expire
}

// A HookPart is a value of the submission: fixed, or taken from the message.
type Part struct {
	Value   string
	Pointer []string // the parts of a JSON pointer (RFC 6901); nil if the value is fixed
}

// A HookCondition is a text that a message has at a place.
type Condition struct {
	Pointer []string
	Equals  string
}

// ParsePointer reads a JSON pointer; false if it is none.
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
