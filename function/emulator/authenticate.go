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

// clockSkew is how far Timestamp may be from the clock, either way, by the
// products' error tables.
const clockSkew = 15 * time.Minute

// authenticate finds out who sent a request. The order of its checks is the
// gateway's: a wrong key is reported before a wrong signature.
func (c *Cloud) authenticate(k *rpc.Call) error {
	s := k.Signing
	if s.Problem != nil {
		// It is one of the vendor's common errors for which no page says when it
		// is given; a signature that leaves out what must be signed is the nearest
		// reading.
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
		return rpc.Missing("SignatureNonce") // so named for V3 too, of which no page says
	}
	if c.nonces.seen(cred.KeyID, s.Nonce, k.At) {
		return nonceUsed()
	}
	if !s.Matches(cred.Secret) {
		return rpc.SignatureMismatch(s)
	}
	// Only now is the nonce spent: a stranger without the secret cannot spend
	// one, and of two copies that arrive together one is refused.
	if !c.nonces.claim(cred.KeyID, s.Nonce, k.At) {
		return nonceUsed()
	}
	k.Caller = cred.Identity
	k.Caller.KeyID = cred.KeyID
	return nil
}

// checkToken checks the second half of temporary credentials. Keys of users
// have none, and a token beside one belongs to some other key.
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

// checkTimestamp wants UTC and whole seconds. The page of the signature speaks
// of 31 minutes where the error tables of the products say 15; the shorter is
// the safer promise.
func checkTimestamp(text string, now time.Time) error {
	t, err := time.Parse(rpc.TimestampLayout, text)
	// Parse also takes fractions of a second, which the vendor's form has not.
	if err != nil || t.Format(rpc.TimestampLayout) != text {
		return rpc.Refuse(http.StatusBadRequest, "InvalidTimeStamp.Format", "Timestamp is not of the form YYYY-MM-DDThh:mm:ssZ")
	}
	if now.Sub(t).Abs() > clockSkew {
		return rpc.Refuse(http.StatusBadRequest, "InvalidTimeStamp.Expired", "Timestamp is more than 15 minutes from %s",
			now.UTC().Format(rpc.TimestampLayout))
	}
	return nil
}

// nonceUsed is what a client sees when its request arrives twice, whoever sent
// the second copy. It says nothing about what became of the first.
func nonceUsed() error {
	return rpc.Refuse(http.StatusBadRequest, "SignatureNonceUsed", "specified signature nonce was used already")
}

// permanentKeys lists the keys of a world's accounts and users.
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
