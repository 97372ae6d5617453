package identity

import (
	"crypto/sha256"
	"crypto/subtle"
	"time"

	"backupportal/function/pattern"
)

// A Token is the policy's record of a secret token of a program. It holds the hash
// of the token only, so that a reader of the policy cannot use it.
type Token struct {
	Source   string            // the Subject of the principal
	ID       string            // unique among the tokens of Source; appears in the log
	Sum      [sha256.Size]byte // SHA-256 of the whole token, with its prefix
	NotAfter time.Time         // the token is refused from this time on
}

// IsToken reports whether text has the form of a token: the prefix "hbp_", which secret scanners
// recognise, then 32 random bytes in base64url without padding.
func IsToken(text string) bool { return pattern.Match(`hbp_[A-Za-z0-9_-]{43}`, text) }

// Known returns the entry of tokens whose hash is that of token and that has not expired at
// now. It returns false if there is none. It compares every entry in constant time, so that the
// duration does not reveal which entry matches.
func Known(tokens []Token, token string, now time.Time) (Token, bool) {
	sum := sha256.Sum256([]byte(token))
	found := -1
	for i, t := range tokens {
		if same := subtle.ConstantTimeCompare(sum[:], t.Sum[:]) == 1; same && now.Before(t.NotAfter) {
			found = i
		}
	}
	if found < 0 || !IsToken(token) {
		return Token{}, false
	}
	return tokens[found], true
}
