// Package webhook turns verified messages of other systems into submissions.
//
// [Receive] reads a message as a stream and checks it against the keys of its [Source].
// [Values.Submission] then fills the source's template with values of the message. The kind of
// the source selects the scheme:
//
//	kind      signature header       signed text               covers a time  Message.ID
//	standard  Webhook-Signature (*)  id + "." + time + "." +   yes            the header Webhook-Id
//	                                 body
//	          v1:  HMAC-SHA256 with the secret ("whsec_…")
//	          v1a: ed25519 with the public key ("whpk_…")
//	github    X-Hub-Signature-256:   body                      no             SHA-256 of the body, in hex
//	          HMAC-SHA256
//	bearer    Authorization: Bearer  nothing                   no             the header Idempotency-Key, or the
//	          and a token                                                     SHA-256 of the body if BodyKey is set
//
// (*) or Svix-Signature, with Svix-Id and Svix-Timestamp, if the message has none of the
// headers Webhook-….
//
// Rules that hold for all kinds:
//
//   - The signature is checked over the raw body. The body passes the hashes and the
//     scanner of the template in one stream, because it can have many megabytes. Nothing
//     that the scanner found is used before the signature is verified.
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
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"filippo.io/edwards25519"

	"backupportal/function/identity"
	"backupportal/function/pattern"
)

// ErrUnverified means that no key of the source fits the message, or that the time of the
// message differs too much from now.
var ErrUnverified = errors.New("webhook: the message is not signed with a key of this source, or it is too old")

// A HeaderError means that the signature of a message is valid, but a header that the signature
// does not cover is missing, is given twice or is malformed. It wraps [ErrUnverified]. A sender
// without a valid signature never gets a HeaderError, because it would reveal the kind of the
// source.
type HeaderError struct{ Name string }

// Error returns a text that names the header.
func (e *HeaderError) Error() string {
	return "webhook: the message needs exactly one valid header " + e.Name
}

// Unwrap returns [ErrUnverified].
func (e *HeaderError) Unwrap() error { return ErrUnverified }

// Limits of the header Webhook-Signature. Each signature in it costs one computation for each
// key.
const (
	maxSignatureHeader = 1024 // bytes
	maxSignatures      = 8
)

// Patterns of header values. An id or a time must not contain a dot: the signed text
// joins id, time and body with dots, and a dot inside one of them would let the same
// signature fit another division of the text.
const (
	idPattern   = `[A-Za-z0-9_-]{1,128}`
	timePattern = `[0-9]{1,12}`
	hexPattern  = `sha256=[0-9a-f]{64}`
	keyPattern  = `[!#-\[\]-~]{1,255}`
)

// A Message describes a verified webhook message.
type Message struct {
	ID  string // equal for repeated deliveries: the idempotency key of the submission; empty: the message has no key
	Key string // ID of the [Key] that verified the message, for the log

	// ByContent reports that ID is the hash of the body: two messages of one text have one ID.
	ByContent bool
}

// Receive reads a message of s as a stream to its end: body is the raw body of the HTTP
// request, and h has its headers. It checks that the message comes from s at the time now, and
// finds the values that the template of s names. The memory that it needs does not grow with
// the body.
//
// The error is [ErrUnverified], also as a [*HeaderError], or an error of body. [ErrUnverified]
// is also returned for an unknown kind of source and for a source without secrets. With an
// error there are no values. If the headers alone prove that the message is invalid, body is
// not read. A [Bearer] message with a valid token and without a usable Idempotency-Key is
// accepted and has an empty ID.
func Receive(s Source, h http.Header, body io.Reader, now time.Time) (Message, Values, error) {
	v, err := newVerifier(s, h, now)
	if err != nil {
		return Message{}, Values{}, err
	}
	values, err := read(s, io.TeeReader(body, v))
	if err != nil {
		return Message{}, Values{}, err
	}
	m, err := v.message()
	if err != nil {
		return Message{}, Values{}, err
	}
	return m, values, nil
}

// A verifier checks one message. Its raw body is written to the verifier as a stream.
type verifier struct {
	id       string     // id of the message
	missing  string     // a header that the message needs beside the signature; empty: no other header
	verified string     // ID of the key that verifies the message by its headers alone
	content  hash.Hash  // gives the message its ID; nil if a header does
	checks   []keyCheck // checks of a signature over the body
}

// A keyCheck checks one signature with one key.
type keyCheck struct {
	key   string      // ID of the key
	sum   hash.Hash   // hashes the signed content
	valid func() bool // reports, at the end of the body, whether the signature is valid
}

// newVerifier checks the headers of a message. The error is [ErrUnverified].
func newVerifier(s Source, h http.Header, now time.Time) (*verifier, error) {
	switch s.Kind {
	case Standard:
		return standard(s, h, now)
	case GitHub:
		return github(s, h, now)
	case Bearer:
		return bearer(s, h, now)
	}
	return nil, ErrUnverified
}

// Write implements [io.Writer]. It cannot fail.
func (v *verifier) Write(part []byte) (int, error) {
	if v.content != nil {
		v.content.Write(part)
	}
	for _, c := range v.checks {
		c.sum.Write(part)
	}
	return len(part), nil
}

// message returns the verified message, after its whole body was written. The error is
// [ErrUnverified], also as a [*HeaderError].
func (v *verifier) message() (Message, error) {
	m := Message{ID: v.id, Key: v.verified}
	for _, c := range v.checks {
		if c.valid() {
			m.Key = c.key
		}
	}
	if m.Key == "" {
		return Message{}, ErrUnverified
	}
	if v.missing != "" {
		return Message{}, &HeaderError{v.missing}
	}
	if v.content != nil {
		m.ID, m.ByContent = hex.EncodeToString(v.content.Sum(nil)), true
	}
	return m, nil
}

// singleHeader returns the value of a header that occurs exactly once and has the pattern form.
func singleHeader(h http.Header, name, form string) (string, bool) {
	values := h.Values(name)
	if len(values) != 1 || !pattern.Match(form, values[0]) {
		return "", false
	}
	return values[0], true
}

// isActive reports whether the key k may still be used at the time now.
func isActive(k Key, now time.Time) bool { return k.NotAfter.IsZero() || now.Before(k.NotAfter) }

// standardHeaders returns the names of the three headers of Standard Webhooks that the message
// uses. Svix, whose format became the standard, names them svix-…. If the message has any
// header with the standard's own names, only these are used: headers of the two lists are never
// combined.
func standardHeaders(h http.Header) (id, stamp, signature string) {
	id, stamp, signature = "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"
	if h.Values(id) == nil && h.Values(stamp) == nil && h.Values(signature) == nil {
		return "Svix-Id", "Svix-Timestamp", "Svix-Signature"
	}
	return id, stamp, signature
}

// standard checks a message by Standard Webhooks. The header Webhook-Signature is a list of
// "version,base64", separated by blanks. One valid signature is enough: a sender signs with the old
// and the new key while it replaces one.
func standard(s Source, h http.Header, now time.Time) (*verifier, error) {
	nameOfID, nameOfTime, nameOfSignature := standardHeaders(h)
	id, okID := singleHeader(h, nameOfID, idPattern)
	stamp, okTime := singleHeader(h, nameOfTime, timePattern)
	lists := h.Values(nameOfSignature)
	if !okID || !okTime || len(lists) != 1 || len(lists[0]) > maxSignatureHeader {
		return nil, ErrUnverified
	}
	parts := strings.Split(lists[0], " ")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if len(parts) > maxSignatures || err != nil {
		return nil, ErrUnverified
	}
	if off := now.Sub(time.Unix(seconds, 0)); off > s.Tolerance || off < -s.Tolerance {
		return nil, ErrUnverified
	}
	v := &verifier{id: id}
	for _, k := range s.Keys {
		if isActive(k, now) {
			v.checks = append(v.checks, standardChecks(k, parts)...)
		}
	}
	if v.checks == nil {
		return nil, ErrUnverified
	}
	io.WriteString(v, id+"."+stamp+".")
	return v, nil
}

// standardChecks returns a check for each "version,base64" of parts that can be a signature by
// k. A secret checks only v1 and a public key only v1a. A version or an encoding that is
// unknown is no signature. Line breaks are refused because the base64 decoder ignores them, and
// one signature must have one spelling.
func standardChecks(k Key, parts []string) (checks []keyCheck) {
	for _, part := range parts {
		version, encoded, _ := strings.Cut(part, ",")
		signature, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil || strings.ContainsAny(encoded, "\r\n") {
			continue
		}
		switch {
		case version == "v1" && !k.Secret.IsZero() && len(signature) == sha256.Size:
			checks = append(checks, hmacCheck(k, signature))
		case version == "v1a" && len(k.Public) == ed25519.PublicKeySize && len(signature) == ed25519.SignatureSize:
			if c, ok := ed25519Check(k, signature); ok {
				checks = append(checks, c)
			}
		}
	}
	return checks
}

// hmacCheck returns a check of an HMAC-SHA256 signature (RFC 2104) with the key k.
func hmacCheck(k Key, signature []byte) keyCheck {
	mac := hmac.New(sha256.New, []byte(k.Secret.Reveal()))
	return keyCheck{key: k.ID, sum: mac, valid: func() bool { return hmac.Equal(signature, mac.Sum(nil)) }}
}

// ed25519Check checks an Ed25519 signature (RFC 8032, section 5.1.7) as [ed25519.Verify] does.
// That function needs the whole message in memory; the returned check reads it as a stream, and
// its valid gives the verdict at the end. ok is false if the key or the signature is malformed;
// then there is no check. signature has 64 bytes, and k.Public 32.
func ed25519Check(k Key, signature []byte) (c keyCheck, ok bool) {
	public, err1 := new(edwards25519.Point).SetBytes(k.Public)
	s, err2 := edwards25519.NewScalar().SetCanonicalBytes(signature[32:])
	if err1 != nil || err2 != nil {
		return keyCheck{}, false
	}
	sum := sha512.New()
	sum.Write(signature[:32])
	sum.Write(k.Public)
	minusPublic := new(edwards25519.Point).Negate(public)
	valid := func() bool {
		challenge, err := edwards25519.NewScalar().SetUniformBytes(sum.Sum(nil))
		if err != nil {
			return false
		}
		r := new(edwards25519.Point).VarTimeDoubleScalarBaseMult(challenge, minusPublic, s)
		return bytes.Equal(signature[:32], r.Bytes())
	}
	return keyCheck{key: k.ID, sum: sum, valid: valid}, true
}

// github checks the header X-Hub-Signature-256. It covers only the body: an attacker who
// recorded a message can send it again later with another X-GitHub-Delivery. So the hash of the
// body is the message's ID, and a replay is the same submission while the store keeps the key
// (backup.KeyExpires). After that time a replay is accepted as a new submission, until the
// secret is replaced. The bodies of two different pushes, runs or releases always differ.
func github(s Source, h http.Header, now time.Time) (*verifier, error) {
	_, okID := singleHeader(h, "X-Github-Delivery", idPattern)
	text, okText := singleHeader(h, "X-Hub-Signature-256", hexPattern)
	signature, err := hex.DecodeString(strings.TrimPrefix(text, "sha256="))
	if !okText || err != nil {
		return nil, ErrUnverified
	}
	v := &verifier{content: sha256.New()}
	if !okID {
		v.missing = "X-GitHub-Delivery"
	}
	for _, k := range s.Keys {
		if isActive(k, now) && !k.Secret.IsZero() {
			v.checks = append(v.checks, hmacCheck(k, signature))
		}
	}
	if v.checks == nil {
		return nil, ErrUnverified
	}
	return v, nil
}

// bearer checks the token in the header Authorization. The message's ID is the header
// Idempotency-Key, with or without quotation marks. A repeated or malformed Idempotency-Key
// gives an empty ID, even if BodyKey is set: a sender that means to give a key must learn that
// it is wrong.
func bearer(s Source, h http.Header, now time.Time) (*verifier, error) {
	shown := h.Values("Authorization")
	if len(shown) != 1 {
		return nil, ErrUnverified
	}
	scheme, token, _ := strings.Cut(shown[0], " ")
	got := sha256.Sum256([]byte(token))
	v := &verifier{}
	for _, k := range s.Keys {
		if subtle.ConstantTimeCompare(got[:], k.Sum[:]) == 1 && isActive(k, now) {
			v.verified = k.ID
		}
	}
	if v.verified == "" || !strings.EqualFold(scheme, "Bearer") || !identity.IsToken(token) {
		return nil, ErrUnverified
	}
	switch keys := h.Values("Idempotency-Key"); {
	case len(keys) == 1:
		v.id, _ = singleHeader(http.Header{"K": []string{strings.Trim(keys[0], `"`)}}, "K", keyPattern)
	case len(keys) == 0 && s.BodyKey:
		v.content = sha256.New()
	}
	return v, nil
}
