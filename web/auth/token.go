package auth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"backupportal/function/jsontext"
)

// errStrict means that two programs could read the same token differently, so it is refused.
var errStrict = errors.New("the token is not a plain JSON Web Token")

// registered lists standard names in a token's header and claims. A token must spell them
// exactly, because a library that uses encoding/json would also accept them in another case.
var registered = []string{
	"alg", "kid", "typ", "cty", "crit", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#s256", "b64", "zip", "enc", "url",
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "nonce", "azp", "at_hash", "_claim_names", "_claim_sources",
}

// strict returns the claims of a token before its signature is verified. It returns errStrict
// unless the token has three parts, its header and claims are JSON objects, no object repeats a
// name, and all registered names are spelt exactly. exp, nbf and iat must be JSON numbers if
// present (RFC 7519, sections 2, 4 and 7.2; RFC 7515, section 4).
func strict(token string) (map[string]json.RawMessage, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errStrict
	}
	if _, err := members(parts[0]); err != nil {
		return nil, err
	}
	claims, err := members(parts[1])
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"exp", "nbf", "iat"} {
		if value, ok := claims[name]; ok && !isTime(value) {
			return nil, errStrict
		}
	}
	return claims, nil
}

// members decodes one part of a token into the members of its JSON object.
func members(part string) (map[string]json.RawMessage, error) {
	content, err := base64.RawURLEncoding.Strict().DecodeString(part)
	var m map[string]json.RawMessage
	if err != nil || jsontext.Unique(content) != nil || json.Unmarshal(content, &m) != nil || m == nil {
		return nil, errStrict
	}
	for name := range m {
		for _, exact := range registered {
			if name != exact && name != "x5t#S256" && strings.EqualFold(name, exact) {
				return nil, errStrict
			}
		}
	}
	return m, nil
}

// latestTime is the latest time that a token may contain, in UNIX seconds: the end of the year
// 9999. A larger number overflows when a library converts it.
const latestTime = 253402300799

// isTime reports whether value is a NumericDate. It returns false for a string that contains a
// number.
func isTime(value json.RawMessage) bool {
	seconds, err := strconv.ParseFloat(string(value), 64) // value is valid JSON, so it is no hex, Inf or NaN
	return err == nil && seconds >= 0 && seconds <= latestTime
}
