package sign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// ACS3 is the only algorithm of V3 that the emulator verifies. The header Authorization begins
// with it. The vendor's pages list others, for other kinds of keys.
const ACS3 = "ACS3-HMAC-SHA256"

// IsV3 reports whether a request has a V3 signature (vendor's page "V3 request body & signature
// method"). Such a request has its operation, key and token in headers.
func IsV3(r *http.Request) bool { return strings.HasPrefix(r.Header.Get("Authorization"), "ACS3-") }

// Headers returns the headers x-acs-*, with names in lower case.
func Headers(r *http.Request) map[string]string {
	headers := map[string]string{}
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-acs-") {
			headers[lower] = canonicalValue(r, lower)
		}
	}
	return headers
}

// ReadV3 reads the V3 signature from the headers of a request. headers is the result of
// [Headers]. query and form have the parameters of the operation. Parameters with which
// signature version 1.0 describes the sender, such as AccessKeyId, are ignored.
//
// A mistake is stored in Signing.Problem and not returned, because the gateway reports an
// unknown operation before a mistake in the signature.
func ReadV3(r *http.Request, headers map[string]string, query url.Values, body []byte) Signing {
	auth, err := ParseAuthorization(r.Header.Get("Authorization"))
	if err == nil {
		err = auth.covers(r, headers)
	}
	bodyHash := HexSHA256(string(body)) // an empty body has a hash too
	request := CanonicalRequest(r, query, auth.SignedHeaders, bodyHash)
	s := Signing{
		Action: headers["x-acs-action"], Version: headers["x-acs-version"],
		KeyID: auth.KeyID, Token: headers["x-acs-security-token"],
		Timestamp: headers["x-acs-date"], Nonce: headers["x-acs-signature-nonce"],
		Problem: err, Supported: auth.algorithm == ACS3,
		Text: StringToSignV3(request), signature: auth.Signature, sign: SignatureV3,
		Detail: "server canonical request is:" + request + "; ",
	}
	// A wrong hash makes the signature invalid, even if the client signed the wrong hash.
	if headers["x-acs-content-sha256"] != bodyHash {
		s.signature = ""
	}
	return s
}

// An incomplete is an error that tells the client what its signature lacks.
type incomplete string

// Error returns the text for the client.
func (why incomplete) Error() string { return string(why) }

// An authorization is the parsed header Authorization of V3.
type authorization struct {
	algorithm, KeyID, Signature string
	SignedHeaders               []string // names in lower case, sorted
}

// ParseAuthorization parses the header Authorization: <algorithm>
// Credential=…,SignedHeaders=…,Signature=…. It refuses forms that the vendor's page does not
// show, such as blanks after a comma; the real gateway may accept some of them.
func ParseAuthorization(header string) (authorization, error) {
	algorithm, rest, _ := strings.Cut(header, " ")
	auth := authorization{algorithm: algorithm}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(part, "=")
		if !ok || value == "" || seen[name] {
			return auth, incomplete("Authorization is not of the form Credential=…,SignedHeaders=…,Signature=…")
		}
		seen[name] = true
		switch name {
		case "Credential":
			auth.KeyID = value
		case "SignedHeaders":
			auth.SignedHeaders = strings.Split(value, ";")
		case "Signature":
			auth.Signature = value
		default:
			return auth, incomplete("Authorization has a part that is not known")
		}
	}
	if len(seen) != 3 {
		return auth, incomplete("Authorization needs Credential, SignedHeaders and Signature")
	}
	return auth, nil
}

// covers returns an error unless the signature covers host, every x-acs-* header of the request,
// and Content-Type if it is present. An unsigned header could be changed between client and
// server.
func (auth authorization) covers(r *http.Request, headers map[string]string) error {
	names := auth.SignedHeaders
	// A name with upper-case letters passes the check above, but fails later: the required
	// names are searched in lower case.
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		return incomplete("SignedHeaders are names in lower case, sorted, each once")
	}
	needed := append(slices.Sorted(maps.Keys(headers)), "host")
	if r.Header.Get("Content-Type") != "" {
		needed = append(needed, "content-type")
	}
	for _, name := range needed {
		if _, ok := slices.BinarySearch(names, name); !ok {
			return incomplete("SignedHeaders lack " + name)
		}
	}
	return nil
}

// CanonicalRequest returns the text whose hash is signed. bodyHash must be computed from the
// received body, not taken from the header that the client sent.
func CanonicalRequest(r *http.Request, query url.Values, signed []string, bodyHash string) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + r.URL.EscapedPath() + "\n" + canonicalQuery(query) + "\n")
	for _, name := range signed {
		b.WriteString(name + ":" + canonicalValue(r, name) + "\n")
	}
	b.WriteString("\n" + strings.Join(signed, ";") + "\n" + bodyHash)
	return b.String()
}

// canonicalQuery returns the query sorted by the bytes of the decoded names. A repeated name is
// included each time, in the order sent, so the signature covers the whole query.
func canonicalQuery(query url.Values) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(query)) {
		for _, v := range query[name] {
			pairs = append(pairs, PercentEncode(name)+"="+PercentEncode(v))
		}
	}
	return strings.Join(pairs, "&")
}

// canonicalValue returns the value of a header without outer blanks. Several values are sorted
// and joined by commas. Host is separate, because Go's server removes it from the headers.
func canonicalValue(r *http.Request, name string) string {
	if name == "host" {
		return r.Host
	}
	var values []string
	for _, v := range r.Header.Values(name) {
		values = append(values, strings.TrimSpace(v))
	}
	slices.Sort(values)
	return strings.Join(values, ",")
}

// StringToSignV3 returns the string to sign of V3: the algorithm and the hash of the canonical
// request.
func StringToSignV3(request string) string {
	return ACS3 + "\n" + HexSHA256(request)
}

// HexSHA256 returns the SHA-256 of text in lower-case hex digits.
func HexSHA256(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// SignatureV3 returns HMAC-SHA256 in hex digits. Unlike in version 1.0, the key is the secret
// alone.
func SignatureV3(secret, text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}
