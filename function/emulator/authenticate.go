package emulator

import (
	"net/http"
	"strings"
	"time"
)

// clockSkew is how far Timestamp may be from the clock, either way, by the
// products' error tables.
const clockSkew = 15 * time.Minute

// authenticate finds out who sent a request. The order of its checks is the
// gateway's: a wrong key is reported before a wrong signature.
func (c *Cloud) authenticate(k *call) error {
	s := k.signing
	if s.problem != nil {
		// It is one of the vendor's common errors for which no page says when it
		// is given; a signature that leaves out what must be signed is the nearest
		// reading.
		return refuse(http.StatusBadRequest, "IncompleteSignature", "%v", s.problem)
	}
	cred, ok := c.keys.find(s.keyID)
	if !ok {
		return refuse(http.StatusNotFound, "InvalidAccessKeyId.NotFound", "specified access key is not found")
	}
	if err := c.checkToken(cred, s.token, k.at); err != nil {
		return err
	}
	if !s.supported {
		return refuse(http.StatusBadRequest, "InvalidSignatureMethod",
			"HMAC-SHA1 of SignatureVersion 1.0 or %s is needed", acs3)
	}
	if err := checkTimestamp(s.timestamp, k.at); err != nil {
		return err
	}
	if s.nonce == "" {
		return missing("SignatureNonce") // so named for V3 too, of which no page says
	}
	if c.nonces.seen(cred.keyID, s.nonce, k.at) {
		return nonceUsed()
	}
	if !s.matches(cred.secret) {
		return signatureMismatch(s)
	}
	// Only now is the nonce spent: a stranger without the secret cannot spend
	// one, and of two copies that arrive together one is refused.
	if !c.nonces.claim(cred.keyID, s.nonce, k.at) {
		return nonceUsed()
	}
	k.caller = cred.identity
	k.caller.keyID = cred.keyID
	return nil
}

// checkToken checks the second half of temporary credentials. Keys of users
// have none, and a token beside one belongs to some other key.
func (c *Cloud) checkToken(cred credential, token string, now time.Time) error {
	if token == "" {
		if strings.HasPrefix(cred.keyID, "STS.") {
			return refuse(http.StatusBadRequest, "MissingSecurityToken", "SecurityToken is mandatory for this access key")
		}
		return nil
	}
	owner, ok := c.keys.findToken(token)
	switch {
	case !ok:
		return refuse(http.StatusForbidden, "InvalidSecurityToken.Malformed", "specified SecurityToken is malformed")
	case !now.Before(owner.expires):
		return refuse(http.StatusForbidden, "InvalidSecurityToken.Expired", "specified SecurityToken is expired")
	case owner.keyID != cred.keyID:
		return refuse(http.StatusForbidden, "InvalidSecurityToken.MismatchWithAccessKey",
			"specified SecurityToken mismatches with the access key")
	}
	return nil
}

// checkTimestamp wants UTC and whole seconds. The page of the signature speaks
// of 31 minutes where the error tables of the products say 15; the shorter is
// the safer promise.
func checkTimestamp(text string, now time.Time) error {
	t, err := time.Parse(timestampLayout, text)
	// Parse also takes fractions of a second, which the vendor's form has not.
	if err != nil || t.Format(timestampLayout) != text {
		return refuse(http.StatusBadRequest, "InvalidTimeStamp.Format", "Timestamp is not of the form YYYY-MM-DDThh:mm:ssZ")
	}
	if now.Sub(t).Abs() > clockSkew {
		return refuse(http.StatusBadRequest, "InvalidTimeStamp.Expired", "Timestamp is more than 15 minutes from %s",
			now.UTC().Format(timestampLayout))
	}
	return nil
}

// nonceUsed is what a client sees when its request arrives twice, whoever sent
// the second copy. It says nothing about what became of the first.
func nonceUsed() error {
	return refuse(http.StatusBadRequest, "SignatureNonceUsed", "specified signature nonce was used already")
}
