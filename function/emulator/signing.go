package emulator

import "crypto/hmac"

// A signing is what a request says of itself and proves by a signature, whichever
// of the two schemes it uses. What is empty was not sent: that is for the checks
// to say, each at its turn.
type signing struct {
	action, version  string
	keyID, token     string
	timestamp, nonce string

	problem   error // why the signature cannot be read at all
	supported bool  // whether the method is one that is verified here

	text      string                           // the server's string to sign
	signature string                           // what the client made of its own
	sign      func(secret, text string) string // the scheme's algorithm

	// detail is shown in front of text if the signature does not match. The
	// string to sign of V3 is a hash, of which nobody can see what was hashed.
	detail string
}

// signingV1 reads the common parameters of a request of SignatureVersion 1.0.
func signingV1(method string, p map[string]string) signing {
	return signing{
		action: p["Action"], version: p["Version"],
		keyID: p["AccessKeyId"], token: p["SecurityToken"],
		timestamp: p["Timestamp"], nonce: p["SignatureNonce"],
		supported: p["SignatureMethod"] == "HMAC-SHA1" && p["SignatureVersion"] == "1.0" && p["SignatureType"] == "",
		text:      stringToSign(method, p),
		signature: p["Signature"], sign: signature,
	}
}

// matches compares in constant time. An empty secret never signs: its HMAC would
// be a valid one.
func (s signing) matches(secret string) bool {
	return secret != "" && hmac.Equal([]byte(s.sign(secret, s.text)), []byte(s.signature))
}
