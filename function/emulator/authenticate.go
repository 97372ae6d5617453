package emulator

import (
	"net/http"
	"strings"
	"time"

	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/sign"
	"backupportal/function/emulator/sts"
	"backupportal/function/emulator/world"
)

// clockSkew is the maximum difference, in both directions, between the request's Timestamp and
// the emulator's clock. The vendor's tables of error codes say 15 minutes.
const clockSkew = 15 * time.Minute

// authenticate checks the signature of a call and sets k.Caller. The order of the checks is
// that of the vendor's API gateway: for example, an unknown key is reported before a wrong
// signature.
//
// Errors: IncompleteSignature, InvalidAccessKeyId.NotFound, the errors of checkToken,
// InvalidSignatureMethod, the errors of checkTimestamp, MissingSignatureNonce,
// SignatureNonceUsed, SignatureDoesNotMatch.
func (c *Cloud) authenticate(k *rpc.Call) error {
	s := k.Signing
	if s.Problem != nil {
		// IncompleteSignature is in the vendor's list of common errors, but no page says when it
		// is returned. It is a guess for a signature that does not cover a required header.
		return rpc.Refuse(http.StatusBadRequest, "IncompleteSignature", "%v", s.Problem)
	}
	cred, ok := c.keys.Find(s.KeyID)
	if !ok {
		return rpc.Refuse(http.StatusNotFound, "InvalidAccessKeyId.NotFound", "specified access key is not found")
	}
	if err := c.checkToken(cred, s.Token, k.At); err != nil {
		return err
	}
	if !s.Supported {
		return rpc.Refuse(http.StatusBadRequest, "InvalidSignatureMethod",
			"HMAC-SHA1 of SignatureVersion 1.0 or %s is needed", sign.ACS3)
	}
	if err := checkTimestamp(s.Timestamp, k.At); err != nil {
		return err
	}
	if s.Nonce == "" {
		return rpc.Missing("SignatureNonce") // the same code for V3; not documented
	}
	if c.nonces.seen(cred.KeyID, s.Nonce, k.At) {
		return nonceUsed()
	}
	if !s.Matches(cred.Secret) {
		return rpc.SignatureMismatch(s)
	}
	// The nonce is marked as used only after the signature was verified. Otherwise a request
	// without the secret could use up the nonce of another client. claim fails if a copy of the
	// request has used the nonce since the call of seen.
	if !c.nonces.claim(cred.KeyID, s.Nonce, k.At) {
		return nonceUsed()
	}
	k.Caller = cred.Identity
	k.Caller.KeyID = cred.KeyID
	return nil
}

// checkRepeated refuses a request that has several values for one parameter. It runs after the
// check of the signature: for a request that was changed in transit, the signature error is
// more useful.
//
// Errors: InvalidParameter.
func checkRepeated(k *rpc.Call) error {
	if k.Repeated == "" {
		return nil
	}
	return rpc.Invalid(k.Repeated, "it is given more than once, in the query or the body")
}

// checkToken checks the security token of temporary credentials. A user's key needs none, and a
// token that is sent with it belongs to another key.
//
// Errors: MissingSecurityToken, InvalidSecurityToken.Malformed, InvalidSecurityToken.Expired,
// InvalidSecurityToken.MismatchWithAccessKey.
func (c *Cloud) checkToken(cred sts.Credential, token string, now time.Time) error {
	if token == "" {
		if strings.HasPrefix(cred.KeyID, "STS.") {
			return rpc.Refuse(http.StatusBadRequest, "MissingSecurityToken", "SecurityToken is mandatory for this access key")
		}
		return nil
	}
	owner, ok := c.keys.FindToken(token)
	switch {
	case !ok:
		return rpc.Refuse(http.StatusForbidden, "InvalidSecurityToken.Malformed", "specified SecurityToken is malformed")
	case !now.Before(owner.Expires):
		return rpc.Refuse(http.StatusForbidden, "InvalidSecurityToken.Expired", "specified SecurityToken is expired")
	case owner.KeyID != cred.KeyID:
		return rpc.Refuse(http.StatusForbidden, "InvalidSecurityToken.MismatchWithAccessKey",
			"specified SecurityToken mismatches with the access key")
	}
	return nil
}

// checkTimestamp checks the form of Timestamp (UTC, whole seconds) and its difference from now.
// The vendor's description of the signature allows 31 minutes, its tables of error codes allow
// 15; the emulator uses the stricter limit.
//
// Errors: InvalidTimeStamp.Format, InvalidTimeStamp.Expired.
func checkTimestamp(text string, now time.Time) error {
	t, err := time.Parse(rpc.TimestampLayout, text)
	// time.Parse also accepts fractions of a second, which the vendor's form does not have.
	if err != nil || t.Format(rpc.TimestampLayout) != text {
		return rpc.Refuse(http.StatusBadRequest, "InvalidTimeStamp.Format", "Timestamp is not of the form YYYY-MM-DDThh:mm:ssZ")
	}
	if now.Sub(t).Abs() > clockSkew {
		return rpc.Refuse(http.StatusBadRequest, "InvalidTimeStamp.Expired", "Timestamp is more than 15 minutes from %s",
			now.UTC().Format(rpc.TimestampLayout))
	}
	return nil
}

// nonceUsed returns the refusal of a request whose nonce was used before. The refusal does not
// say whether the first request with this nonce succeeded.
func nonceUsed() error {
	return rpc.Refuse(http.StatusBadRequest, "SignatureNonceUsed", "specified signature nonce was used already")
}

// permanentKeys returns the credentials of all accounts and users of a world.
func permanentKeys(ix world.Index) []sts.Credential {
	var all []sts.Credential
	add := func(keys []world.AccessKey, who rpc.Identity) {
		for _, key := range keys {
			all = append(all, sts.Credential{KeyID: key.ID, Secret: key.Secret, Identity: who})
		}
	}
	for i := range ix.Accounts {
		a := &ix.Accounts[i]
		add(a.AccessKeys, rpc.Identity{Account: a})
		for i := range a.Users {
			add(a.Users[i].AccessKeys, rpc.Identity{Account: a, User: &a.Users[i]})
		}
	}
	return all
}
