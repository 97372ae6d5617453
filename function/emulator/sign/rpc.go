package sign

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
)

// StringToSign returns the string to sign of SignatureVersion 1.0 ("Signature method (RPC)"): the
// HTTP method and all parameters except Signature, sorted by the bytes of their names. Empty
// parameters are included. Path, host and headers are not signed.
func StringToSign(method string, p map[string]string) string {
	var canonical strings.Builder
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if name == "Signature" {
			continue
		}
		if canonical.Len() > 0 {
			canonical.WriteByte('&')
		}
		canonical.WriteString(PercentEncode(name))
		canonical.WriteByte('=')
		canonical.WriteString(PercentEncode(p[name]))
	}
	return method + "&" + PercentEncode("/") + "&" + PercentEncode(canonical.String())
}

// Signature returns the base64 of HMAC-SHA1. The key is the secret followed by "&".
func Signature(secret, text string) string {
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// PercentEncode encodes the UTF-8 bytes of s by RFC 3986 with upper-case hex digits. Unlike in a
// form, a space is %20, "*" is %2A and "~" is not encoded.
func PercentEncode(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		ch := s[i]
		switch {
		case 'A' <= ch && ch <= 'Z', 'a' <= ch && ch <= 'z', '0' <= ch && ch <= '9',
			ch == '-', ch == '_', ch == '.', ch == '~':
			b.WriteByte(ch)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[ch>>4])
			b.WriteByte(hex[ch&15])
		}
	}
	return b.String()
}
