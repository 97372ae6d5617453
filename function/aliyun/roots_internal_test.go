package aliyun

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// TestKnownRootsAreValidAndListed proves that the root certificates in the program are valid, and that
// docs/reference/certificates.md lists each with its fingerprint. If this test fails because a root certificate
// has expired, remove it from roots.pem and from the list.
func TestKnownRootsAreValidAndListed(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference/certificates.md")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for rest := knownRootsPEM; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		root, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		count++
		if !root.IsCA || time.Now().After(root.NotAfter) {
			t.Errorf("%s is no authority, or has expired on %s", root.Subject, root.NotAfter)
		}
		if sum := fmt.Sprintf("%x", sha256.Sum256(root.Raw)); !strings.Contains(string(text), sum) {
			t.Errorf("docs/reference/certificates.md does not list %s, SHA-256 %s", root.Subject, sum)
		}
	}
	if count == 0 {
		t.Error("roots.pem has no certificate")
	}
}

// TestOtherRootsAreTriedOnce proves that a request is sent again, once and complete, over the
// transport with the system's roots if the host's certificate has another root. A host that
// neither transport trusts receives nothing.
func TestOtherRootsAreTriedOnce(t *testing.T) {
	got := []string{}
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, string(body))
	}))
	defer server.Close()
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Certificate())
	for name, c := range map[string]struct {
		known, system *x509.CertPool
		trusts        bool
		warnings      int
	}{
		"known":  {trusted, x509.NewCertPool(), true, 0},
		"system": {x509.NewCertPool(), trusted, true, 1},
		"none":   {x509.NewCertPool(), x509.NewCertPool(), false, 1},
	} {
		got = nil
		var log strings.Builder
		known, system := newTransport(c.known, nil), newTransport(c.system, nil)
		transport := &rootsFirst{known: known, system: system, log: slog.New(slog.NewTextHandler(&log, nil))}
		for range 2 {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("body"))
			if err != nil {
				t.Fatal(err)
			}
			answer, err := transport.RoundTrip(r)
			if err == nil {
				answer.Body.Close()
			}
			if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); (err == nil) != c.trusts || unknown == c.trusts {
				t.Errorf("%s: %v", name, err)
			}
		}
		if want := map[bool]string{true: "body body", false: ""}[c.trusts]; strings.Join(got, " ") != want {
			t.Errorf("%s: the host got %q, want %q", name, got, want)
		}
		if n := strings.Count(log.String(), "another root"); n != c.warnings {
			t.Errorf("%s: %d warnings, want %d", name, n, c.warnings)
		}
		known.CloseIdleConnections()
		system.CloseIdleConnections()
	}
}

// TestKnownRootsAreForTheCloudOnly proves that the roots in the program are used only for the
// cloud's own hosts, and only without a configured CA.
func TestKnownRootsAreForTheCloudOnly(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  Config
		uses bool
	}{
		"no setting":       {Config{}, true},
		"the system's":     {Config{SystemRoots: true}, false},
		"given roots":      {Config{CA: knownRootsPEM}, false},
		"another endpoint": {Config{Endpoint: &url.URL{Scheme: "https", Host: "localhost:1"}}, false},
	} {
		client, err := New(c.cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, uses := client.next.(*rootsFirst); uses != c.uses {
			t.Errorf("%s: %T", name, client.next)
		}
	}
}
