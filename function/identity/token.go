package identity

import (
	"crypto/sha256"
	"crypto/subtle"
	"regexp"
	"time"
)

// A Token is how a machine is known that shows it. Only its sum is kept: whoever
// reads the policy cannot use it.
type Token struct {
	Source   string // the principal's name
	ID       string // of this token among those of the source, for the log
	Sum      [sha256.Size]byte
	NotAfter time.Time
}

// TokenShape is what tokens look like: a mark by which scanners for secrets know
// them, and the base64url of 32 random bytes.
var TokenShape = regexp.MustCompile(`\Ahbp_[A-Za-z0-9_-]{43}\z`)

// Known finds whose token it is at now. All are compared, so that the time tells
// nothing.
func Known(tokens []Token, token string, now time.Time) (Token, bool) {
	sum := sha256.Sum256([]byte(token))
	found := -1
	for i, t := range tokens {
		if same := subtle.ConstantTimeCompare(sum[:], t.Sum[:]) == 1; same && now.Before(t.NotAfter) {
			found = i
		}
	}
	if found < 0 || !TokenShape.MatchString(token) {
		return Token{}, false
	}
	return tokens[found], true
}
