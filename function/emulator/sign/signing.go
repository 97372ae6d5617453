// Package sign verifies the signatures of requests.
//
// There are two schemes. Both make a string to sign of the request and compare
// an HMAC of it:
//
//	SignatureVersion 1.0   in parameters; HMAC-SHA1 over all other parameters (rpc.go)
//	V3, "ACS3"             in headers; HMAC-SHA256 over a hash of the request (acs3.go)
//
// [ReadV1] and [ReadV3] make a [Signing] of either, for checks that need not
// know which it was.
package sign

import (
	"crypto/hmac"
)

// A Signing is what a request says of itself and proves by a signature, whichever
// of the two schemes it uses. What is empty was not sent: that is for the checks
// to say, each at its turn.
type Signing struct {
	Action, Version  string
	KeyID, Token     string
	Timestamp, Nonce string

	Problem   error // why the signature cannot be read at all
	Supported bool  // whether the method is one that is verified here

	Text      string                           // the server's string to sign
	signature string                           // what the client made of its own
	sign      func(secret, text string) string // the scheme's algorithm

	// detail is shown in front of text if the signature does not match. The
	// string to sign of V3 is a hash, of which nobody can see what was hashed.
	Detail string
}

// ReadV1 reads the common parameters of a request of SignatureVersion 1.0.
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

// Matches compares in constant time. An empty secret never signs: its HMAC would
// be a valid one.
func (s Signing) Matches(secret string) bool {
	return secret != "" && hmac.Equal([]byte(s.sign(secret, s.Text)), []byte(s.signature))
}
