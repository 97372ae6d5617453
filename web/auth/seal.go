package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"backupportal/function/secret"
)

// What a sealed cookie is for. One never opens as the other: both the key and
// the data that is authenticated beside the content depend on it.
const (
	loginPurpose   = "login"
	sessionPurpose = "session"
)

// Keys are the master keys of sealed cookies, newest first: the first seals,
// all open. Make them with [ParseKeys].
type Keys []secret.String

// maxKeys bounds Keys: a rotation needs two, an interrupted one three.
const maxKeys = 3

// ParseKeys reads one to three keys of 32 bytes, base64, parted by commas. It
// never quotes them in an error.
func ParseKeys(text string) (Keys, error) {
	var keys Keys
	for part := range strings.SplitSeq(text, ",") {
		raw, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(part))
		if err != nil || len(raw) != 32 {
			return nil, fmt.Errorf("key %d is not the base64 of exactly 32 bytes: create one with openssl rand -base64 32", len(keys)+1)
		}
		if len(keys) == maxKeys {
			return nil, fmt.Errorf("more than %d keys: remove the oldest", maxKeys)
		}
		keys = append(keys, secret.New(string(raw)))
	}
	return keys, nil
}

// errSealed says that a text is not ours, was changed, or is for something else.
var errSealed = errors.New("not sealed by this portal")

// A sealer seals for one purpose.
type sealer struct {
	purpose []byte // authenticated beside the content
	aeads   []cipher.AEAD
}

func newSealer(keys Keys, purpose string) (*sealer, error) {
	if len(keys) == 0 {
		return nil, errors.New("no key for sealing cookies")
	}
	s := &sealer{purpose: []byte("portal|" + purpose + "|v1")}
	for _, master := range keys {
		if len(master.Reveal()) != 32 {
			return nil, errors.New("a key for sealing cookies does not have 32 bytes")
		}
		key, err := hkdf.Key(sha256.New, []byte(master.Reveal()), nil, "portal/"+purpose+"/v1", 32)
		if err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		s.aeads = append(s.aeads, aead)
	}
	return s, nil
}

func (s *sealer) seal(content []byte) string {
	return base64.RawURLEncoding.EncodeToString(s.aeads[0].Seal(nil, nil, content, s.purpose))
}

func (s *sealer) open(text string) ([]byte, error) {
	if len(text) > maxCookie {
		return nil, errSealed
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, errSealed
	}
	for _, aead := range s.aeads {
		if content, err := aead.Open(nil, nil, raw, s.purpose); err == nil {
			return content, nil
		}
	}
	return nil, errSealed
}
