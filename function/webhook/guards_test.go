package webhook

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"backupportal/function/secret"
)

// signedHeaders returns the headers of a message with vectorBody, signed with vectorSecret.
func signedHeaders(t *testing.T, id, stamp string) http.Header {
	mac := hmacSHA256(secret.New(string(decoded(t, vectorSecret))), []byte(id+"."+stamp+"."+vectorBody))
	return http.Header{
		"Webhook-Id": {id}, "Webhook-Timestamp": {stamp}, "Webhook-Signature": {"v1," + base64.StdEncoding.EncodeToString(mac)},
	}
}

// TestStandardRequiresIDAndTime proves that a message without an id or a time is rejected even if
// its signature is valid. A third party could replay such a message.
func TestStandardRequiresIDAndTime(t *testing.T) {
	if _, err := verify(hmacSource(t), signedHeaders(t, vectorID, vectorTime), []byte(vectorBody), signedAt); err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]http.Header{
		"an empty id": signedHeaders(t, "", vectorTime), "an empty time": signedHeaders(t, vectorID, ""), "neither": signedHeaders(t, "", ""),
	} {
		if _, err := verify(hmacSource(t), h, []byte(vectorBody), signedAt); !errors.Is(err, ErrUnverified) {
			t.Errorf("%s: %v", name, err)
		}
	}
	missing := signedHeaders(t, "", vectorTime)
	delete(missing, "Webhook-Id")
	if _, err := verify(hmacSource(t), missing, []byte(vectorBody), signedAt); !errors.Is(err, ErrUnverified) {
		t.Errorf("no id: %v", err)
	}
}

func TestSignatureHeaderLimit(t *testing.T) {
	for length, want := range map[int]bool{1023: true, 1024: true, 1025: false} {
		list := strings.Repeat("x", length-len(vectorV1)-1) + " " + vectorV1
		if _, err := verify(hmacSource(t), vector(list), []byte(vectorBody), signedAt); len(list) != length || (err == nil) != want {
			t.Errorf("%d bytes: %v", len(list), err)
		}
	}
}

// TestUndecodableSignatureIsRejected proves that only one spelling of a signature is accepted.
func TestUndecodableSignatureIsRejected(t *testing.T) {
	_, encoded, _ := strings.Cut(vectorV1, ",")
	for _, bad := range []string{encoded + "!", encoded + "=", encoded + "AAAA", encoded[:20] + "\n" + encoded[20:], encoded + "\r\n", encoded + "\n"} {
		if _, err := verify(hmacSource(t), vector("v1,"+bad), []byte(vectorBody), signedAt); !errors.Is(err, ErrUnverified) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestGitHubRequiresDeliverySignatureAndKey proves that a message of GitHub must have one
// X-GitHub-Delivery, one signature, and a key that has a secret and has not expired.
func TestGitHubRequiresDeliverySignatureAndKey(t *testing.T) {
	byEmpty := "sha256=" + hex.EncodeToString(hmacSHA256(secret.String{}, []byte(gitHubBody)))
	for name, c := range map[string]struct {
		change func(h http.Header, k *Key)
		want   bool
	}{
		"complete":              {func(http.Header, *Key) {}, true},
		"a key about to expire": {func(_ http.Header, k *Key) { k.NotAfter = signedAt.Add(time.Second) }, true},
		"no delivery":           {func(h http.Header, _ *Key) { h.Del("X-Github-Delivery") }, false},
		"two deliveries":        {func(h http.Header, _ *Key) { h.Add("X-Github-Delivery", "d-2") }, false},
		"a delivery with dots":  {func(h http.Header, _ *Key) { h.Set("X-Github-Delivery", "d.1") }, false},
		"no signature":          {func(h http.Header, _ *Key) { h.Del("X-Hub-Signature-256") }, false},
		"two signatures":        {func(h http.Header, _ *Key) { h.Add("X-Hub-Signature-256", gitHubSignature) }, false},
		"an expired key":        {func(_ http.Header, k *Key) { k.NotAfter = signedAt }, false},
		"no secret":             {func(h http.Header, k *Key) { k.Secret = secret.String{}; h.Set("X-Hub-Signature-256", byEmpty) }, false},
	} {
		h := http.Header{"X-Github-Delivery": {"d-1"}, "X-Hub-Signature-256": {gitHubSignature}}
		k := Key{ID: "g1", Secret: secret.New(gitHubSecret)}
		c.change(h, &k)
		if _, err := verify(Source{Kind: GitHub, Keys: []Key{k}}, h, []byte(gitHubBody), signedAt); (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBearerRequiresOneAuthorizationHeader proves that a message with two Authorization headers is
// rejected. A proxy in front of the portal could check one header and the portal the other header.
func TestBearerRequiresOneAuthorizationHeader(t *testing.T) {
	token := "Bearer hbp_" + strings.Repeat("x", 43)
	s := Source{Kind: Bearer, Keys: []Key{{ID: "t1", Sum: sha256.Sum256([]byte(token[len("Bearer "):]))}}}
	for n := range 3 {
		h := http.Header{}
		for range n {
			h.Add("Authorization", token)
		}
		if _, err := verify(s, h, nil, signedAt); (err == nil) != (n == 1) {
			t.Errorf("%d headers: %v", n, err)
		}
	}
}

// TestNumbersKeepTheirDigits proves that a number keeps all its digits, even digits that a float64
// would lose.
func TestNumbersKeepTheirDigits(t *testing.T) {
	s := Source{
		When:       []Condition{{Pointer: []string{"n"}, Equals: "12345678901234567890"}},
		Submission: map[string]Part{"Retention": {Pointer: []string{"n"}}},
	}
	got, err := submission(s, []byte(`{"n":12345678901234567890}`))
	if err != nil || string(got) != `{"Retention":12345678901234567890}` {
		t.Errorf("%s, %v", got, err)
	}
}

// TestPointerOutsideListFindsNothing proves that an index into a list must be a decimal number
// without sign and leading zeros (RFC 6901, section 4).
func TestPointerOutsideListFindsNothing(t *testing.T) {
	for part, want := range map[string]string{
		"0": `"a"`, "1": `"b"`, "2": "", "-1": "", "-2": "", "-": "", "x": "", "": "", "00": "", "01": "", "+1": "", "99999999999999999999": "",
	} {
		at := &wanted{pointer: []string{part}}
		if err := scan(strings.NewReader(`["a","b"]`), []*wanted{at}); err != nil || at.found != (want != "") || string(at.text) != want {
			t.Errorf("%q: %s, %v, %v", part, at.text, at.found, err)
		}
	}
}
