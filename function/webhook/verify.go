// Package webhook verifies messages from other systems.
//
// A verified message becomes a submission by the template of its [Source].
//
// Messages are judged before a single byte of them is read as anything else: by
// the raw body, by strict headers, by every key that is good, in the same time
// whichever it is. All that fails fails alike, so that nobody learns how near they
// were.
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

// ErrUnverified says that a message is not from the source, or not fresh.
var ErrUnverified = errors.New("webhook: the message is not signed with a key of this source, or it is too old")

// Bounds of what stands in headers: an unbounded list of signatures costs time,
// and an id with other characters could move the border to what follows it.
const (
	longestSignatures = 1024
	mostSignatures    = 8
)

var (
	idShape   = regexp.MustCompile(`\A[A-Za-z0-9_-]{1,128}\z`)
	timeShape = regexp.MustCompile(`\A[0-9]{1,12}\z`)
	hexShape  = regexp.MustCompile(`\Asha256=[0-9a-f]{64}\z`)
	keyShape  = regexp.MustCompile(`\A[!#-\[\]-~]{1,255}\z`)
)

// A Message is a webhook whose sender is known.
type Message struct {
	ID  string // the same for every delivery of it: the submission's key; empty if it has none
	Key string // by which key it was known, for the log
}

// Verify says who signed a message: one of the source's keys that are good at now.
// Its only error is [ErrUnverified].
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

// one is the header's only value.
func one(h http.Header, name string, shape *regexp.Regexp) (string, bool) {
	values := h.Values(name)
	if len(values) != 1 || !shape.MatchString(values[0]) {
		return "", false
	}
	return values[0], true
}

func good(k Key, now time.Time) bool { return k.NotAfter.IsZero() || now.Before(k.NotAfter) }

// standard verifies by Standard Webhooks: v1 is HMAC-SHA256, v1a ed25519, of
// "id.timestamp.body". A key is used only for its own version.
func standard(s Source, h http.Header, body []byte, now time.Time) (Message, error) {
	id, okID := one(h, "Webhook-Id", idShape)
	stamp, okTime := one(h, "Webhook-Timestamp", timeShape)
	lists := h.Values("Webhook-Signature")
	if !okID || !okTime || len(lists) != 1 || len(lists[0]) > longestSignatures {
		return Message{}, ErrUnverified
	}
	parts := strings.Split(lists[0], " ")
	if len(parts) > mostSignatures {
		return Message{}, ErrUnverified
	}
	signed := append([]byte(id+"."+stamp+"."), body...)
	found := ""
	for _, k := range s.Keys {
		if !good(k, now) {
			continue
		}
		for _, part := range parts {
			if signs(k, part, signed) {
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

// signs reports whether one signature of a list is k's. What does not decode is
// skipped.
func signs(k Key, part string, signed []byte) bool {
	version, encoded, _ := strings.Cut(part, ",")
	signature, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || strings.ContainsAny(encoded, "\r\n") {
		return false
	}
	switch {
	case version == "v1" && !k.Secret.IsZero() && len(signature) == sha256.Size:
		return hmac.Equal(signature, sum(k.Secret, signed))
	case version == "v1a" && len(k.Public) == ed25519.PublicKeySize && len(signature) == ed25519.SignatureSize:
		return ed25519.Verify(k.Public, signed, signature)
	}
	return false
}

func sum(secret secret.String, signed []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write(signed)
	return mac.Sum(nil)
}

// github verifies X-Hub-Signature-256, which covers the body alone: neither a time nor
// X-GitHub-Delivery, which whoever sends a recorded message again may write anew. So
// the body is the key: of a push, a run or a release there are no two alike. A message
// can be sent again for as long as the secret is good, and is a repeat for as long as
// its key is remembered.
func github(s Source, h http.Header, body []byte, now time.Time) (Message, error) {
	_, okID := one(h, "X-Github-Delivery", idShape)
	text, okText := one(h, "X-Hub-Signature-256", hexShape)
	signature, err := hex.DecodeString(strings.TrimPrefix(text, "sha256="))
	if !okID || !okText || err != nil {
		return Message{}, ErrUnverified
	}
	found := ""
	for _, k := range s.Keys {
		if good(k, now) && !k.Secret.IsZero() && hmac.Equal(signature, sum(k.Secret, body)) {
			found = k.ID
		}
	}
	if found == "" {
		return Message{}, ErrUnverified
	}
	return Message{ID: hex.EncodeToString(sha256Of(body)), Key: found}, nil
}

// bearer knows the sender by its token. The key of a message is Idempotency-Key, or
// the hash of its body if the source says so.
func bearer(s Source, h http.Header, body []byte, now time.Time) (Message, error) {
	shown := h.Values("Authorization")
	if len(shown) != 1 {
		return Message{}, ErrUnverified
	}
	scheme, token, _ := strings.Cut(shown[0], " ")
	got := sha256.Sum256([]byte(token))
	found := ""
	for _, k := range s.Keys {
		if subtle.ConstantTimeCompare(got[:], k.Sum[:]) == 1 && good(k, now) {
			found = k.ID
		}
	}
	if found == "" || !strings.EqualFold(scheme, "Bearer") || !identity.TokenShape.MatchString(token) {
		return Message{}, ErrUnverified
	}
	m := Message{Key: found}
	if keys := h.Values("Idempotency-Key"); len(keys) > 0 {
		m.ID, _ = one(http.Header{"K": []string{strings.Trim(keys[0], `"`)}}, "K", keyShape)
		if len(keys) > 1 {
			m.ID = ""
		}
	} else if s.BodyKey {
		m.ID = hex.EncodeToString(sha256Of(body))
	}
	return m, nil
}

func sha256Of(body []byte) []byte {
	sum := sha256.Sum256(body)
	return sum[:]
}
