package auth

import (
	"bytes"
	"encoding/json"
	"strings"
)

// rawClaims are the claims of a token or of a userinfo answer as they were sent.
type rawClaims = json.RawMessage

// decodeClaims decodes the JSON object of a token or of a userinfo answer. Numbers keep the
// spelling that was sent, so that no digit is lost.
func decodeClaims(content []byte) (map[string]any, error) {
	var claims map[string]any
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	err := decoder.Decode(&claims)
	return claims, err
}

// lookup returns the claim called name, or false if there is none. A member with exactly this
// name is used first, because a name may be a URL or contain dots. Otherwise the name is a
// path: "a.b.c" is the member c of the object b in the object a. If several members could be
// the first part of the path, the longest one is used. Names are case-sensitive.
func lookup(claims map[string]any, name string) (value any, ok bool) {
	if value, ok = claims[name]; ok {
		return value, true
	}
	for end := strings.LastIndexByte(name, '.'); end > 0; end = strings.LastIndexByte(name[:end], '.') {
		if value, ok = claims[name[:end]]; !ok {
			continue
		}
		inner, isObject := value.(map[string]any)
		if !isObject {
			return nil, false
		}
		return lookup(inner, name[end+1:])
	}
	return nil, false
}
