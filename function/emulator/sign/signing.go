// Package sign verifies the signatures of API requests.
//
// There are two schemes. Both build a string to sign from the request and compare an HMAC of it:
//
//	scheme                 sent in      signed                                      file
//	SignatureVersion 1.0   parameters   all other parameters; HMAC-SHA1             rpc.go
//	V3, "ACS3"             headers      a hash of the whole request; HMAC-SHA256    acs3.go
//
// [ReadV1] and [ReadV3] both return a [Signing], so that later checks do not depend on the
// scheme.
package sign

import (
	"crypto/hmac"
)

// A Signing holds what a request says about its sender, and its signature. An empty field was not
// sent; package emulator checks for that, in the gateway's order.
type Signing struct {
	Action, Version  string
	KeyID, Token     string
	Timestamp, Nonce string

	Problem   error // why the signature cannot be read; nil: it can
	Supported bool  // the algorithm is one that the emulator verifies

	Text      string                           // the server's string to sign
	signature string                           // the signature that the client sent
	sign      func(secret, text string) string // computes the signature of the scheme

	// Detail precedes Text in the message of SignatureDoesNotMatch. V3 signs a hash, so its
	// Detail contains the hashed text. Empty with version 1.0.
	Detail string
}

// ReadV1 reads the signature of SignatureVersion 1.0 from the parameters of a request.
func ReadV1(method string, p map[string]string) Signing {
	return Signing{
		Action: p["Action"], Version: p["Version"],
		KeyID: p["AccessKeyId"], Token: p["SecurityToken"],
		Timestamp: p["Timestamp"], Nonce: p["SignatureNonce"],
		Supported: p["SignatureMethod"] == "HMAC-SHA1" && p["SignatureVersion"] == "1.0" && p["SignatureType"] == "",
		Text:      StringToSign(method, p),
		signature: p["Signature"], sign: Signature,
	}
}

// Matches reports whether the request was signed with secret. It compares in constant time. An
// empty secret never matches, although HMAC accepts an empty key.
func (s Signing) Matches(secret string) bool {
	return secret != "" && hmac.Equal([]byte(s.sign(secret, s.Text)), []byte(s.signature))
}
