package webhook

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"backupportal/function/secret"
)

// These are published test vectors: the vectors that the libraries of Standard Webhooks share, and
// the example in GitHub's documentation ("Validating webhook deliveries").
const (
	vectorSecret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorPublic = "1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
	vectorID     = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorTime   = "1614265330"
	vectorBody   = `{"test": 2432232314}`
	vectorV1     = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	vectorV1a    = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="

	gitHubSecret    = "It's a Secret to Everybody"
	gitHubBody      = "Hello, World!"
	gitHubSignature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
)

var signedAt = time.Unix(1614265330, 0)

func decoded(t testing.TB, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func hmacSource(t testing.TB) Source {
	return Source{Name: "ci", Kind: Standard, Tolerance: 5 * time.Minute, Keys: []Key{
		{ID: "k1", Secret: secret.New(string(decoded(t, vectorSecret)))},
	}}
}

func edSource(t testing.TB) Source {
	s := hmacSource(t)
	s.Keys = []Key{{ID: "p1", Public: decoded(t, vectorPublic)}}
	return s
}

func vector(signature string) http.Header {
	return http.Header{"Webhook-Id": {vectorID}, "Webhook-Timestamp": {vectorTime}, "Webhook-Signature": {signature}}
}

func TestVerifyPublishedVectors(t *testing.T) {
	if m, err := verify(hmacSource(t), vector(vectorV1), []byte(vectorBody), signedAt); err != nil || m != (Message{ID: vectorID, Key: "k1"}) {
		t.Errorf("v1: %+v, %v", m, err)
	}
	if m, err := verify(edSource(t), vector(vectorV1a), []byte(vectorBody), signedAt); err != nil || m != (Message{ID: vectorID, Key: "p1"}) {
		t.Errorf("v1a: %+v, %v", m, err)
	}
	s := Source{Kind: GitHub, Keys: []Key{{ID: "g1", Secret: secret.New(gitHubSecret)}}}
	h := http.Header{"X-Github-Delivery": {"72d3162e-cc78-11e3-81ab-4c9367dc0958"}, "X-Hub-Signature-256": {gitHubSignature}}
	if m, err := verify(s, h, []byte(gitHubBody), signedAt); err != nil || m != (Message{ID: hexSHA256(gitHubBody), Key: "g1", ByContent: true}) {
		t.Errorf("GitHub: %+v, %v", m, err)
	}
}

// TestVerifyBoundaries proves that Verify accepts a message exactly at a limit and rejects a
// message just beyond a limit. Threat T10.
func TestVerifyBoundaries(t *testing.T) {
	many := func(n int) string { return strings.TrimSpace(strings.Repeat("v1,AAAA ", n-1)) + " " + vectorV1 }
	for name, c := range map[string]struct {
		change func(h http.Header, s *Source) time.Time
		body   string
		want   bool
	}{
		"five minutes old":   {func(http.Header, *Source) time.Time { return signedAt.Add(5 * time.Minute) }, vectorBody, true},
		"five minutes early": {func(http.Header, *Source) time.Time { return signedAt.Add(-5 * time.Minute) }, vectorBody, true},
		"older":              {func(http.Header, *Source) time.Time { return signedAt.Add(5*time.Minute + time.Second) }, vectorBody, false},
		"earlier":            {func(http.Header, *Source) time.Time { return signedAt.Add(-5*time.Minute - time.Second) }, vectorBody, false},
		"another body":       {nil, vectorBody + " ", false},
		"no body":            {nil, "", false},
		"another id": {func(h http.Header, _ *Source) time.Time {
			h.Set("Webhook-Id", vectorID+"x")
			return signedAt
		}, vectorBody, false},
		"a plus before the time": {func(h http.Header, _ *Source) time.Time {
			h.Set("Webhook-Timestamp", "+"+vectorTime)
			return signedAt
		}, vectorBody, false},
		"the time moved into the id": {func(h http.Header, _ *Source) time.Time {
			h.Set("Webhook-Id", vectorID+"."+vectorTime)
			return signedAt
		}, vectorBody, false},
		"a newline after the id": {func(h http.Header, _ *Source) time.Time {
			h["Webhook-Id"] = []string{vectorID + "\n"}
			return signedAt
		}, vectorBody, false},
		"two signature headers": {func(h http.Header, _ *Source) time.Time {
			h.Add("Webhook-Signature", vectorV1)
			return signedAt
		}, vectorBody, false},
		"two ids": {func(h http.Header, _ *Source) time.Time { h.Add("Webhook-Id", vectorID); return signedAt }, vectorBody, false},
		"no time": {func(h http.Header, _ *Source) time.Time { h.Del("Webhook-Timestamp"); return signedAt }, vectorBody, false},
		"eight signatures": {func(h http.Header, _ *Source) time.Time {
			h.Set("Webhook-Signature", many(8))
			return signedAt
		}, vectorBody, true},
		"nine signatures": {func(h http.Header, _ *Source) time.Time {
			h.Set("Webhook-Signature", many(9))
			return signedAt
		}, vectorBody, false},
		"no padding": {func(h http.Header, _ *Source) time.Time {
			h.Set("Webhook-Signature", strings.TrimRight(vectorV1, "="))
			return signedAt
		}, vectorBody, false},
		"another version": {func(h http.Header, _ *Source) time.Time {
			h.Set("Webhook-Signature", "v2"+vectorV1[2:])
			return signedAt
		}, vectorBody, false},
		"v1a bytes called v1": {func(h http.Header, _ *Source) time.Time {
			h.Set("Webhook-Signature", "v1"+vectorV1a[3:])
			return signedAt
		}, vectorBody, false},
		"v1 with a public key": {func(_ http.Header, s *Source) time.Time { *s = edSource(t); return signedAt }, vectorBody, false},
		"no key":               {func(_ http.Header, s *Source) time.Time { s.Keys = nil; return signedAt }, vectorBody, false},
		"an empty key": {func(h http.Header, s *Source) time.Time {
			s.Keys = []Key{{ID: "e"}}
			h.Set("Webhook-Signature", signatureWithEmptyKey())
			return signedAt
		}, vectorBody, false},
		"an expired key": {func(_ http.Header, s *Source) time.Time { s.Keys[0].NotAfter = signedAt; return signedAt }, vectorBody, false},
		"a key about to expire": {func(_ http.Header, s *Source) time.Time {
			s.Keys[0].NotAfter = signedAt.Add(time.Second)
			return signedAt
		}, vectorBody, true},
		"the second of two keys": {func(_ http.Header, s *Source) time.Time {
			s.Keys = append([]Key{{ID: "k0", Secret: secret.New("another secret of 24 b..")}}, s.Keys...)
			return signedAt
		}, vectorBody, true},
		"an unknown kind": {func(_ http.Header, s *Source) time.Time { s.Kind = "other"; return signedAt }, vectorBody, false},
	} {
		h, s, now := vector(vectorV1), hmacSource(t), signedAt
		if c.change != nil {
			now = c.change(h, &s)
		}
		if _, err := verify(s, h, []byte(c.body), now); (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// signatureWithEmptyKey returns a signature that is computed with an empty HMAC key. Anyone can
// compute it.
func signatureWithEmptyKey() string {
	mac := hmac.New(sha256.New, nil)
	fmt.Fprintf(mac, "%s.%s.%s", vectorID, vectorTime, vectorBody)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// TestVerifyRejectsAnyChangedByte proves that Verify fails after a change of one bit in the id, the
// time, the body or the signature.
func TestVerifyRejectsAnyChangedByte(t *testing.T) {
	for version, c := range map[string]struct {
		s         Source
		signature string
	}{"v1": {hmacSource(t), vectorV1}, "v1a": {edSource(t), vectorV1a}} {
		fields := []string{vectorID, vectorTime, vectorBody, c.signature}
		for i, field := range fields {
			for offset := range len(field) {
				for _, bit := range []byte{1, 0x20, 0x80} {
					changed := append([]string(nil), fields...)
					b := []byte(field)
					b[offset] ^= bit
					changed[i] = string(b)
					h := http.Header{"Webhook-Id": {changed[0]}, "Webhook-Timestamp": {changed[1]}, "Webhook-Signature": {changed[3]}}
					if _, err := verify(c.s, h, []byte(changed[2]), signedAt); err == nil {
						t.Errorf("%s: byte %d of field %d may be %q", version, offset, i, b[offset])
					}
				}
			}
		}
	}
}

// TestVerifyRejectsAnyChangedByteFromGitHub proves that Verify fails after a change of one bit in
// the body or the signature of a message of GitHub.
func TestVerifyRejectsAnyChangedByteFromGitHub(t *testing.T) {
	s := Source{Kind: GitHub, Keys: []Key{{ID: "g1", Secret: secret.New(gitHubSecret)}}}
	for i, field := range []string{gitHubBody, gitHubSignature} {
		for offset := range len(field) {
			for _, bit := range []byte{1, 0x20, 0x80} {
				changed := []string{gitHubBody, gitHubSignature}
				b := []byte(field)
				b[offset] ^= bit
				changed[i] = string(b)
				h := http.Header{"X-Github-Delivery": {"d-1"}, "X-Hub-Signature-256": {changed[1]}}
				if _, err := verify(s, h, []byte(changed[0]), signedAt); err == nil {
					t.Errorf("byte %d of field %d may be %q", offset, i, b[offset])
				}
			}
		}
	}
}

// TestBearer proves that a bearer message must have a known token that has not expired. The header
// Idempotency-Key becomes the message's ID. Without that header, the ID is empty, or the hash of
// the body if the source has BodyKey set. With two such headers, the ID is empty.
func TestBearer(t *testing.T) {
	token := "hbp_" + strings.Repeat("x", 43)
	s := Source{Kind: Bearer, Keys: []Key{{ID: "t1", Sum: sha256.Sum256([]byte(token)), NotAfter: signedAt.Add(time.Hour)}}}
	h := http.Header{"Authorization": {"Bearer " + token}}
	if m, err := verify(s, h, []byte("{}"), signedAt); err != nil || m != (Message{Key: "t1"}) {
		t.Errorf("without a key: %+v, %v", m, err)
	}
	h.Set("Idempotency-Key", `"run-7"`)
	if m, _ := verify(s, h, []byte("{}"), signedAt); m.ID != "run-7" {
		t.Errorf("with a key: %+v", m)
	}
	h.Add("Idempotency-Key", "run-8")
	if m, _ := verify(s, h, []byte("{}"), signedAt); m.ID != "" {
		t.Errorf("with two keys: %+v", m)
	}
	h.Del("Idempotency-Key")
	s.BodyKey = true
	one, _ := verify(s, h, []byte("{}"), signedAt)
	other, _ := verify(s, h, []byte("[]"), signedAt)
	if len(one.ID) != 64 || one.ID == other.ID {
		t.Errorf("by their bodies: %+v, %+v", one, other)
	}
	for _, wrong := range []string{"", token, "Basic " + token, "Bearer " + token + "x", "Bearer hbp_" + strings.Repeat("y", 43)} {
		if _, err := verify(s, http.Header{"Authorization": {wrong}}, nil, signedAt); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
	if _, err := verify(s, h, nil, signedAt.Add(time.Hour)); err == nil {
		t.Error("it does not expire")
	}
}

// TestVerifySignaturesOfStandardWebhooksLibrary proves that Verify accepts the signatures of the
// reference library of Standard Webhooks (npm standardwebhooks). The bodies have non-ASCII text,
// line breaks, 200,000 bytes, or nothing.
func TestVerifySignaturesOfStandardWebhooksLibrary(t *testing.T) {
	folder, err := filepath.Abs("../../.ci")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "standardwebhooks")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("with CI=true nothing may be left out: npm's standardwebhooks is not installed")
		}
		t.Skip("left out: npm's standardwebhooks is not installed (make clients)")
	}
	bodies := []string{vectorBody, "", "漢字 é \u200b", "{\n\t\"a\": \"\\u0000\"\r\n}", strings.Repeat("x", 200_000)}
	input, _ := json.Marshal(bodies)
	const script = `const { Webhook } = require("standardwebhooks");
const bodies = JSON.parse(require("fs").readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(bodies.map((b, i) => new Webhook(process.argv[1]).sign("msg_" + i, new Date(1614265330000), b))));`
	cmd := exec.Command("node", "-e", script, "whsec_"+vectorSecret)
	cmd.Dir, cmd.Stdin = folder, bytes.NewReader(input)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var signatures []string
	if err := json.Unmarshal(out, &signatures); err != nil || len(signatures) != len(bodies) {
		t.Fatalf("%s: %v", out, err)
	}
	for i, signature := range signatures {
		h := http.Header{"Webhook-Id": {fmt.Sprint("msg_", i)}, "Webhook-Timestamp": {vectorTime}, "Webhook-Signature": {signature}}
		if _, err := verify(hmacSource(t), h, []byte(bodies[i]), signedAt); err != nil {
			t.Errorf("body %d, signed %s: %v", i, signature, err)
		}
	}
}

// TestVerifySignatureOfOpenSSL proves that Verify accepts a GitHub signature that openssl computes.
// openssl is an implementation independent of Go's.
func TestVerifySignatureOfOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("openssl is missing")
		}
		t.Skip("left out: there is no openssl")
	}
	cmd := exec.Command("openssl", "dgst", "-sha256", "-hmac", gitHubSecret)
	cmd.Stdin = strings.NewReader("{\"zen\":\"漢\"}\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	digest := strings.TrimSpace(string(out[bytes.LastIndexByte(bytes.TrimSpace(out), ' ')+1:]))
	s := Source{Kind: GitHub, Keys: []Key{{ID: "g1", Secret: secret.New(gitHubSecret)}}}
	h := http.Header{"X-Github-Delivery": {"d-1"}, "X-Hub-Signature-256": {"sha256=" + digest}}
	if _, err := verify(s, h, []byte("{\"zen\":\"漢\"}\n"), signedAt); err != nil {
		t.Errorf("%s: %v", out, err)
	}
}

// FuzzSignatures searches for headers that Verify accepts although they are not the headers of one
// of the two published vectors.
func FuzzSignatures(f *testing.F) {
	f.Add(vectorID, vectorTime, vectorV1)
	f.Add(vectorID, vectorTime, vectorV1a+" "+vectorV1)
	f.Add("a.1614265330", "+1", "v1,")
	f.Add("", "", "v1, v1a, ,,  v1")
	s := hmacSource(f)
	s.Keys = append(s.Keys, edSource(f).Keys...)
	private := ed25519.NewKeyFromSeed(make([]byte, 32))
	s.Keys = append(s.Keys, Key{ID: "p2", Public: private.Public().(ed25519.PublicKey)})
	f.Fuzz(func(t *testing.T, id, stamp, signature string) {
		h := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {stamp}, "Webhook-Signature": {signature}}
		m, err := verify(s, h, []byte(vectorBody), signedAt)
		if err == nil && (m.ID != vectorID || stamp != vectorTime || !strings.Contains(signature, vectorV1) && !strings.Contains(signature, vectorV1a)) {
			t.Fatalf("%q %q %q verifies", id, stamp, signature)
		}
	})
}
