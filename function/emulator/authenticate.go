package emulator

import (
	"net/http"
	"strings"
	"time"
)

// clockSkew is how far Timestamp may be from the clock, either way, by the
// products' error tables.
const clockSkew = 15 * time.Minute

// timestampLayout is the one form of Timestamp and Expiration: UTC, whole seconds.
const timestampLayout = "2006-01-02T15:04:05Z"

// authenticate finds out who sent a request. The order of its checks is the
// gateway's: a wrong key is reported before a wrong signature.
func (c *Cloud) authenticate(k *call) error {
	p := k.params
	cred, ok := c.keys.find(p["AccessKeyId"])
	if !ok {
		return refuse(http.StatusNotFound, "InvalidAccessKeyId.NotFound", "specified access key is not found")
	}
	if err := c.checkToken(cred, p["SecurityToken"], k.at); err != nil {
		return err
	}
	if p["SignatureMethod"] != "HMAC-SHA1" || p["SignatureVersion"] != "1.0" || p["SignatureType"] != "" {
		return refuse(http.StatusBadRequest, "InvalidSignatureMethod", "signature method HMAC-SHA1 of version 1.0 is needed")
	}
	if err := checkTimestamp(p["Timestamp"], k.at); err != nil {
		return err
	}
	nonce := p["SignatureNonce"]
	if nonce == "" {
		return missing("SignatureNonce")
	}
	if c.nonces.seen(cred.keyID, nonce, k.at) {
		return nonceUsed()
	}
	text := stringToSign(k.http.Method, p)
	if !sameSignature(cred.secret, text, p["Signature"]) {
		return refuse(http.StatusBadRequest, "SignatureDoesNotMatch",
			"specified signature is not matched with our calculation. server string to sign is:%s", text)
	}
	// Only now is the nonce spent: a stranger without the secret cannot spend
	// one, and of two copies that arrive together one is refused.
	if !c.nonces.claim(cred.keyID, nonce, k.at) {
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
