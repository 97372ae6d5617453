// Package webhook turns verified messages of other systems into submissions.
//
// [Verify] checks a message against the keys of its [Source]. [Submission] then fills
// the source's template with values of the message. The kind of the source selects
// the scheme:
//
//	kind      signature header       signed text               covers a time  Message.ID
//	standard  Webhook-Signature      id + "." + time + "." +   yes            the header Webhook-Id
//	                                 body
//	          v1:  HMAC-SHA256 with the secret ("whsec_…")
//	          v1a: ed25519 with the public key ("whpk_…")
//	github    X-Hub-Signature-256:   body                      no             SHA-256 of the body, in hex
//	          HMAC-SHA256
//	bearer    Authorization: Bearer  nothing                   no             the header Idempotency-Key, or the
//	          and a token                                                     SHA-256 of the body if BodyKey is set
//
// Rules that hold for all kinds:
//
//   - The signature is checked over the raw body. Nothing parses the body before.
//   - A header that matters must occur exactly once and have the expected form.
//   - Every unexpired key is tried with a comparison in constant time, so the duration
//     does not tell which key matched.
//   - Every failure is the same [ErrUnverified], so an attacker cannot learn which check
//     failed.
//
// Sources: the specification of Standard Webhooks (github.com/standard-webhooks), and
// "Validating webhook deliveries" in the documentation of GitHub.
package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"backupportal/function/identity"
	"backupportal/function/secret"
)

// ErrUnverified means that no key of the source verifies the message, or that the time
// of the message is outside the tolerance.
var ErrUnverified = errors.New("webhook: the message is not signed with a key of this source, or it is too old")

// Bounds of the header Webhook-Signature. Each signature in it costs one computation
// for each key.
const (
	maxSignatureHeader = 1024 // bytes
	maxSignatures      = 8
)

// Forms of header values. An id or a time must not contain a dot: the signed text
// joins id, time and body with dots, and a dot inside one of them would let the same
// signature fit another division of the text.
var (
	idShape   = regexp.MustCompile(`\A[A-Za-z0-9_-]{1,128}\z`)
	timeShape = regexp.MustCompile(`\A[0-9]{1,12}\z`)
	hexShape  = regexp.MustCompile(`\Asha256=[0-9a-f]{64}\z`)
	keyShape  = regexp.MustCompile(`\A[!#-\[\]-~]{1,255}\z`)
)

// A Message describes a verified webhook message.
type Message struct {
	ID  string // equal for repeated deliveries: the idempotency key of the submission; empty: the message has no key
	Key string // ID of the [Key] that verified the message, for the log
}

// Verify checks that a message comes from s at the time now. The headers and the raw
// body are those of the HTTP request. The only error is [ErrUnverified]; it is also
// returned for an unknown kind and for a source without keys. A [Bearer] message
// without a usable key is verified and has an empty ID.
func Verify(s Source, h http.Header, body []byte, now time.Time) (Message, error) {
	switch s.Kind {
	case Standard:
		return standard(s, h, body, now)
	case GitHub:
		return github(s, h, body, now)
	case Bearer:
		return bearer(s, h, body, now)
	}
	return Message{}, ErrUnverified
}

// singleHeader returns the value of a header that occurs exactly once and matches shape.
func singleHeader(h http.Header, name string, shape *regexp.Regexp) (string, bool) {
	values := h.Values(name)
	if len(values) != 1 || !shape.MatchString(values[0]) {
		return "", false
	}
	return values[0], true
}

// isActive reports whether k may still be used at now.
func isActive(k Key, now time.Time) bool { return k.NotAfter.IsZero() || now.Before(k.NotAfter) }

// standard verifies a message by Standard Webhooks. The header Webhook-Signature is a
// list of "version,base64", separated by blanks. One valid signature is enough: a
// sender signs with the old and the new key while it replaces one.
func standard(s Source, h http.Header, body []byte, now time.Time) (Message, error) {
	id, okID := singleHeader(h, "Webhook-Id", idShape)
	stamp, okTime := singleHeader(h, "Webhook-Timestamp", timeShape)
	lists := h.Values("Webhook-Signature")
	if !okID || !okTime || len(lists) != 1 || len(lists[0]) > maxSignatureHeader {
		return Message{}, ErrUnverified
	}
	parts := strings.Split(lists[0], " ")
	if len(parts) > maxSignatures {
		return Message{}, ErrUnverified
	}
	signed := append([]byte(id+"."+stamp+"."), body...)
	found := ""
	for _, k := range s.Keys {
		if !isActive(k, now) {
			continue
		}
		for _, part := range parts {
			if isSignatureBy(k, part, signed) {
				found = k.ID
			}
		}
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if found == "" || err != nil {
		return Message{}, ErrUnverified
	}
	if off := now.Sub(time.Unix(seconds, 0)); off > s.Tolerance || off < -s.Tolerance {
		return Message{}, ErrUnverified
	}
	return Message{ID: id, Key: found}, nil
}

// isSignatureBy reports whether part, one "version,base64" of a list, is a signature of
// signed by k. A secret verifies only v1 and a public key only v1a. A version or an
// encoding that is unknown is no signature. Line breaks are refused because the base64
// decoder ignores them, and one signature must have one spelling.
func isSignatureBy(k Key, part string, signed []byte) bool {
	version, encoded, _ := strings.Cut(part, ",")
	signature, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || strings.ContainsAny(encoded, "\r\n") {
		return false
	}
	switch {
	case version == "v1" && !k.Secret.IsZero() && len(signature) == sha256.Size:
		return hmac.Equal(signature, hmacSHA256(k.Secret, signed))
	case version == "v1a" && len(k.Public) == ed25519.PublicKeySize && len(signature) == ed25519.SignatureSize:
		return ed25519.Verify(k.Public, signed, signature)
	}
	return false
}

// hmacSHA256 returns the HMAC-SHA256 of signed (RFC 2104).
func hmacSHA256(secret secret.String, signed []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write(signed)
	return mac.Sum(nil)
}

// github verifies the header X-Hub-Signature-256. It covers only the body: an attacker
// who recorded a message can send it again later with another X-GitHub-Delivery. So the
// hash of the body is the message's ID, and a replay is the same submission while the
// store keeps the key (backup.KeyExpires). After that time a replay is accepted as a
// new submission, until the secret is replaced. The bodies of two different pushes,
// runs or releases always differ.
func github(s Source, h http.Header, body []byte, now time.Time) (Message, error) {
	_, okID := singleHeader(h, "X-Github-Delivery", idShape)
	text, okText := singleHeader(h, "X-Hub-Signature-256", hexShape)
	signature, err := hex.DecodeString(strings.TrimPrefix(text, "sha256="))
	if !okID || !okText || err != nil {
		return Message{}, ErrUnverified
	}
	found := ""
	for _, k := range s.Keys {
		if isActive(k, now) && !k.Secret.IsZero() && hmac.Equal(signature, hmacSHA256(k.Secret, body)) {
			found = k.ID
		}
	}
	if found == "" {
		return Message{}, ErrUnverified
	}
	return Message{ID: hex.EncodeToString(sha256Of(body)), Key: found}, nil
}

// bearer verifies the token in the header Authorization. The message's ID is the header
// Idempotency-Key, with or without quotation marks. A repeated or malformed
// Idempotency-Key gives an empty ID, even if BodyKey is set: a sender that means to
// give a key must learn that it is wrong.
func bearer(s Source, h http.Header, body []byte, now time.Time) (Message, error) {
	shown := h.Values("Authorization")
	if len(shown) != 1 {
		return Message{}, ErrUnverified
	}
	scheme, token, _ := strings.Cut(shown[0], " ")
	got := sha256.Sum256([]byte(token))
	found := ""
	for _, k := range s.Keys {
		if subtle.ConstantTimeCompare(got[:], k.Sum[:]) == 1 && isActive(k, now) {
			found = k.ID
		}
	}
	if found == "" || !strings.EqualFold(scheme, "Bearer") || !identity.TokenShape.MatchString(token) {
		return Message{}, ErrUnverified
	}
	m := Message{Key: found}
	if keys := h.Values("Idempotency-Key"); len(keys) > 0 {
		m.ID, _ = singleHeader(http.Header{"K": []string{strings.Trim(keys[0], `"`)}}, "K", keyShape)
		if len(keys) > 1 {
			m.ID = ""
		}
	} else if s.BodyKey {
		m.ID = hex.EncodeToString(sha256Of(body))
	}
	return m, nil
}

// sha256Of returns the SHA-256 of body as a slice.
func sha256Of(body []byte) []byte {
	sum := sha256.Sum256(body)
	return sum[:]
}
