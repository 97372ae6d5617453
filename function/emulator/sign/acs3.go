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

// ACS3 is the one algorithm of V3 that is verified here, and how its
// Authorization begins. The vendor's pages name others, for other kinds of keys.
const ACS3 = "ACS3-HMAC-SHA256"

// IsV3 reports whether a request is signed by "V3 request body & signature
// method", in which operation, key and token are headers.
func IsV3(r *http.Request) bool { return strings.HasPrefix(r.Header.Get("Authorization"), "ACS3-") }

// Headers returns the x-acs-* headers by their names in lower case.
func Headers(r *http.Request) map[string]string {
	headers := map[string]string{}
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-acs-") {
			headers[lower] = canonicalValue(r, lower)
		}
	}
	return headers
}

// ReadV3 reads the headers of a request that is signed by V3. Parameters of
// the operation are in query and form as ever; those that RPC 1.0 adds to them,
// like AccessKeyId and Timestamp, have no meaning here.
func ReadV3(r *http.Request, headers map[string]string, query url.Values, body []byte) Signing {
	// An error waits in the signing until the operation is known: the gateway
	// reports an action that does not exist before anything about signatures.
	auth, err := ParseAuthorization(r.Header.Get("Authorization"))
	if err == nil {
		err = auth.covers(r, headers)
	}
	bodyHash := HexSHA256(string(body)) // of nothing, too, for a request without a body
	request := CanonicalRequest(r, query, auth.SignedHeaders, bodyHash)
	s := Signing{
		Action: headers["x-acs-action"], Version: headers["x-acs-version"],
		KeyID: auth.KeyID, Token: headers["x-acs-security-token"],
		Timestamp: headers["x-acs-date"], Nonce: headers["x-acs-signature-nonce"],
		Problem: err, Supported: auth.algorithm == ACS3,
		Text: StringToSignV3(request), signature: auth.Signature, sign: SignatureV3,
		Detail: "server canonical request is:" + request + "; ",
	}
	// A hash that is not that of the body makes the signature worth nothing,
	// even if the client signed both.
	if headers["x-acs-content-sha256"] != bodyHash {
		s.signature = ""
	}
	return s
}

// incomplete says what a signature lacks, in the words for the client.
type incomplete string

func (why incomplete) Error() string { return string(why) }

// An authorization is the header Authorization of V3, taken apart.
type authorization struct {
	algorithm, KeyID, Signature string
	SignedHeaders               []string
}

// ParseAuthorization is strict: what the vendor's page does not show, like
// blanks behind a comma, may or may not pass there and does not pass here.
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

// covers wants everything signed that the gateway goes by: host, every x-acs-*
// header that was sent, and the type of the body. What is not signed could be
// changed by anybody on the way.
func (auth authorization) covers(r *http.Request, headers map[string]string) error {
	names := auth.SignedHeaders
	// Upper case sorts before lower and is caught below, since what is needed is
	// in lower case.
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

// CanonicalRequest is the text whose hash is signed. Its last line is the hash
// of the body that arrived, never the one that the client claims.
func CanonicalRequest(r *http.Request, query url.Values, signed []string, bodyHash string) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n/\n" + canonicalQuery(query) + "\n")
	for _, name := range signed {
		b.WriteString(name + ":" + canonicalValue(r, name) + "\n")
	}
	b.WriteString("\n" + strings.Join(signed, ";") + "\n" + bodyHash)
	return b.String()
}

// canonicalQuery sorts by the bytes of the decoded names. A name that stands
// twice is signed twice, in the order sent: nothing in the URL stays unsigned.
func canonicalQuery(query url.Values) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(query)) {
		for _, v := range query[name] {
			pairs = append(pairs, PercentEncode(name)+"="+PercentEncode(v))
		}
	}
	return strings.Join(pairs, "&")
}

// canonicalValue is a header's value without outer blanks; several values are
// sorted and joined. Go's server keeps Host apart from the other headers.
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

// StringToSignV3 is short whatever was sent, which is why a refusal shows the
// canonical request as well.
func StringToSignV3(request string) string {
	return ACS3 + "\n" + HexSHA256(request)
}

// HexSHA256 is in lower case: hashes are compared as texts.
func HexSHA256(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// SignatureV3 is hex of HMAC-SHA256. Nothing stands behind the secret, unlike in
// version 1.0.
func SignatureV3(secret, text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}
