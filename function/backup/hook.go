package backup

import (
	"strings"
	"time"
)

// A HookKind is how the sender of webhooks shows who it is.
type HookKind string

// The kinds of webhooks.
const (
	StandardHook HookKind = "standard" // Standard Webhooks, v1 and v1a
	GitHubHook   HookKind = "github"   // X-Hub-Signature-256
	BearerHook   HookKind = "bearer"   // a token, for senders that cannot sign
)

// HookKinds are all of them.
var HookKinds = []HookKind{StandardHook, GitHubHook, BearerHook}

// A HookSource is a sender of webhooks, and what its messages ask for. Its name is
// the principal's.
type HookSource struct {
	Name       string
	Kind       HookKind
	Tolerance  time.Duration // of StandardHook: how old or early a message may be
	BodyKey    bool          // of BearerHook: a message without a key has the hash of its body as one
	Keys       []HookKey
	When       []HookCondition     // all must hold; other messages start nothing
	Submission map[string]HookPart // by the names of parameters
}

// A HookKey is one by which a source is known: a secret that signs, a public key
// that verifies, or the sum of a token.
type HookKey struct {
	ID       string
	Secret   Secret    // of HMAC; empty for the others
	Public   []byte    // of ed25519, 32 bytes; nil for the others
	Sum      [32]byte  // SHA-256 of a token; of BearerHook
	NotAfter time.Time // zero: it does not expire
}

// A HookPart is a value of the submission: fixed, or taken from the message.
type HookPart struct {
	Value   string
	Pointer []string // the parts of a JSON pointer (RFC 6901); nil if the value is fixed
}

// A HookCondition is a text that a message has at a place.
type HookCondition struct {
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
