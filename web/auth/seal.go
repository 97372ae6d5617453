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

// The purposes of sealed (encrypted and authenticated) texts: cookies, and the token in a form.
// A text that was sealed for one purpose can never be opened for another, because the key
// depends on the purpose.
const (
	formPurpose    = "form"
	loginPurpose   = "login"
	sessionPurpose = "session"
)

// Keys are the master keys of sealed cookies, newest first. The first key seals, every key can
// open. Use [ParseKeys] to make them. [NewSessions] fails without a key.
type Keys []secret.String

// maxKeys is the maximum number of Keys. A change of keys needs two, or three if it starts
// before the previous change is complete.
const maxKeys = 3

// ParseKeys reads one to three keys, separated by commas. Each is 32 bytes in standard base64.
// Spaces around a key are ignored. An error names the position of the wrong key and never quotes
// the key.
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

// errSealed means that a text cannot be opened: it was not sealed with one of the keys, was
// changed, or was sealed for another purpose.
var errSealed = errors.New("not sealed by this portal")

// A sealer encrypts and authenticates texts for one purpose with AES-256-GCM. It is safe for
// concurrent use.
type sealer struct {
	purpose []byte        // additional authenticated data
	aeads   []cipher.AEAD // one for each key, in the order of Keys
}

// newSealer derives a separate key for this purpose from each master key with HKDF-SHA256 (RFC
// 5869). It fails if keys is empty or a key does not have 32 bytes.
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

// seal returns content encrypted with the first key, as base64url of nonce, ciphertext and tag.
func (s *sealer) seal(content []byte) string {
	return base64.RawURLEncoding.EncodeToString(s.aeads[0].Seal(nil, nil, content, s.purpose))
}

// open returns the content of a sealed text. Every failure is errSealed, so that a sender
// cannot learn the reason. It does not decode texts longer than maxCookie.
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
