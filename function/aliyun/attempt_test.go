package aliyun

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth"

	"backupportal/function/backup"
	"backupportal/function/identity"
)

// countingServer starts a server that counts its requests, and returns a client for it.
func countingServer(t *testing.T) (*Client, *url.URL, *atomic.Int64) {
	t.Helper()
	requests := &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err == nil {
			requests.Add(1)
		}
	}))
	t.Cleanup(server.Close)
	endpoint, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	client, err := New(Config{Endpoint: endpoint})
	if err != nil {
		t.Fatal(err)
	}
	return client, endpoint, requests
}

func post(t *testing.T, address string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, address, strings.NewReader("a=b"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSDKPanicIsRecovered proves that a panic inside the SDK does not end the program. If the
// SDK panics before it sends the request, the error says that nothing was sent.
func TestSDKPanicIsRecovered(t *testing.T) {
	client, endpoint, _ := countingServer(t)
	for name, call := range map[string]func(*sdk.Config, auth.Credential) error{
		"panic": func(*sdk.Config, auth.Credential) error { panic("SecurityToken=MARKER") },
		"error": func(*sdk.Config, auth.Credential) error { return errors.New("SecurityToken=MARKER") },
	} {
		a := client.send(t.Context(), time.Time{}, endpoint, Credentials{}, call)
		_, failed := verdict{action: "CreateBackupJob"}.judge(a)
		if !errors.Is(failed, backup.ErrNotSent) || strings.Contains(failed.Error(), "MARKER") {
			t.Errorf("%s: %v, want not sent, without its text", name, failed)
		}
	}
	a := client.send(t.Context(), time.Time{}, endpoint, Credentials{}, func(cfg *sdk.Config, _ auth.Credential) error {
		_, err := cfg.Transport.RoundTrip(post(t, endpoint.String()))
		panic(err)
	})
	if _, failed := (verdict{}).judge(a); !errors.Is(failed, backup.ErrUnknownOutcome) {
		t.Errorf("panic after sending: %v, want what the answer says: nothing", failed)
	}
}

func TestAttemptSendsOneRequestToOneHost(t *testing.T) {
	client, endpoint, requests := countingServer(t)
	client.send(t.Context(), time.Time{}, endpoint, Credentials{}, func(cfg *sdk.Config, _ auth.Credential) error {
		get := post(t, endpoint.String())
		get.Method = http.MethodGet
		for _, r := range []*http.Request{get, post(t, "http://localhost:1/"), post(t, "https://"+endpoint.Host)} {
			if _, err := cfg.Transport.RoundTrip(r); err == nil {
				t.Errorf("%s %s was sent", r.Method, r.URL)
			}
		}
		if _, err := cfg.Transport.RoundTrip(post(t, endpoint.String())); err != nil {
			t.Errorf("the first request: %v", err)
		}
		if _, err := cfg.Transport.RoundTrip(post(t, endpoint.String())); err == nil {
			t.Error("a second request was sent")
		}
		return nil
	})
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests arrived, want 1", n)
	}
}

// TestIdempotencyHeadersAreDropped proves that headers such as Idempotency-Key are removed from
// the request. With such a header, net/http would repeat a POST and could start a second
// backup.
func TestIdempotencyHeadersAreDropped(t *testing.T) {
	var header http.Header
	next := roundTrip(func(r *http.Request) (*http.Response, error) {
		header = r.Header
		return nil, io.EOF
	})
	r := post(t, "https://hbr.example/")
	r.Header.Set("Idempotency-Key", "1")
	r.Header.Set("X-Idempotency-Key", "1")
	a := &attempt{ctx: t.Context(), next: next, origin: r.URL, now: time.Now, until: time.Now().Add(time.Minute),
		waits: func(context.Context) func() { return func() {} }}
	if _, err := a.RoundTrip(r); err == nil || len(header) != 0 || len(r.Header) != 2 {
		t.Errorf("sent with %v, the caller's own became %v, error %v", header, r.Header, err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestBodyCopiesAreGuarded proves that a copy of the request body checks the deadline too.
// net/http sends a copy if it must use a new connection.
func TestBodyCopiesAreGuarded(t *testing.T) {
	late := false
	r := post(t, "https://hbr.example/")
	guardBody(r, func() bool { return late })
	again, err := r.GetBody()
	if err != nil {
		t.Fatal(err)
	}
	begun := make([]byte, 1)
	if _, err := r.Body.Read(begun); err != nil {
		t.Fatal(err)
	}
	late = true
	if rest, err := io.ReadAll(r.Body); err != nil || string(rest) != "=b" {
		t.Errorf("a body that was begun in time: %q, %v", rest, err)
	}
	if _, err := io.ReadAll(again); !errors.Is(err, errExpired) {
		t.Errorf("another copy, begun late: %v, want %v", err, errExpired)
	}
}

func TestCause(t *testing.T) {
	secret := "https://hbr.example/?SecurityToken=MARKER"
	for want, err := range map[string]error{
		"cancelled":               &url.Error{Op: "Post", URL: secret, Err: context.Canceled},
		"timeout":                 &url.Error{Op: "Post", URL: secret, Err: context.DeadlineExceeded},
		"name not found":          &net.OpError{Op: "dial", Err: &net.DNSError{Name: secret}},
		"connection refused":      &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED},
		"connection cut":          fmt.Errorf("%s: %w", secret, syscall.ECONNRESET),
		"certificate not trusted": &tls.CertificateVerificationError{Err: errors.New(secret)},
		"the answer is too large": &url.Error{Op: "Post", URL: secret, Err: errTooLarge},
		"connection failed (*errors.errorString)": &url.Error{Op: "Post", URL: secret, Err: errors.New(secret)},
	} {
		if got := cause(err); got != want {
			t.Errorf("cause(%v) = %q, want %q", err, got, want)
		}
	}
}

func TestSessionCacheSize(t *testing.T) {
	c, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	ends := time.Now().Add(time.Hour)
	for i := range 3 * maxSessions {
		r := role{principal: identity.Principal{Subject: fmt.Sprint(i)}}
		c.sessions.Put(r.key(), Credentials{AccessKeyID: fmt.Sprint(i)}, ends)
	}
	if c.sessions.Len() > maxSessions {
		t.Errorf("%d sessions are kept, want at most %d", c.sessions.Len(), maxSessions)
	}
}
