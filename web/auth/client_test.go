package auth

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"backupportal/function/cache"
)

// publisher starts a server that always gives the same response. It returns the server's address
// and a counter of the requests.
func publisher(t *testing.T, status int, body string) (address string, calls *atomic.Int32) {
	t.Helper()
	calls = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.Header().Set("X-Published", "yes")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/keys", calls
}

// fetch sends one request through k and returns the response.
func fetch(t *testing.T, k *cachingTransport, method, address string) (status int, body string) {
	t.Helper()
	res, err := k.RoundTrip(httptest.NewRequest(method, address, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.Header.Get("X-Published") != "yes" {
		t.Error("a header is missing")
	}
	content, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(content)
}

// newCachingTransport returns a transport with a cache whose clock the test sets with now.
func newCachingTransport(now *time.Time) *cachingTransport {
	clock := func() time.Time { return *now }
	return &cachingTransport{now: clock, kept: cache.New[answer](mostAnswers, clock)}
}

func TestIssuerAnswersAreCachedFiveSeconds(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	k := newCachingTransport(&now)
	address, calls := publisher(t, http.StatusOK, "keys")
	fetch(t, k, "GET", address)
	now = now.Add(5*time.Second - 1)
	if status, body := fetch(t, k, "GET", address); status != http.StatusOK || body != "keys" || calls.Load() != 1 {
		t.Errorf("status %d, %q, called %d times", status, body, calls.Load())
	}
	if fetch(t, k, "POST", address); calls.Load() != 2 {
		t.Errorf("a POST was not sent")
	}
	now = now.Add(1)
	if fetch(t, k, "GET", address); calls.Load() != 3 {
		t.Errorf("after five seconds called %d times", calls.Load())
	}
}

func TestFailedAnswersAreNotCached(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	k := newCachingTransport(&now)
	address, calls := publisher(t, http.StatusServiceUnavailable, "later")
	for range 2 {
		if status, _ := fetch(t, k, "GET", address); status != http.StatusServiceUnavailable {
			t.Errorf("status %d", status)
		}
	}
	if calls.Load() != 2 || k.kept.Len() != 0 {
		t.Errorf("called %d times, kept %d", calls.Load(), k.kept.Len())
	}
	k.RoundTrip(httptest.NewRequest("GET", "http://127.0.0.1:1/", nil))
	if k.kept.Len() != 0 {
		t.Error("no answer is kept, too")
	}
}

// TestCachedAnswersAreBounded proves that the cache of answers has a maximum size, however many
// addresses are requested.
func TestCachedAnswersAreBounded(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	k := newCachingTransport(&now)
	address, _ := publisher(t, http.StatusOK, "keys")
	for i := range 300 {
		if fetch(t, k, "GET", address+"?"+strings.Repeat("x", i)); k.kept.Len() > 100 {
			t.Fatalf("%d are kept", k.kept.Len())
		}
	}
}

func TestIssuerAnswersAreCutAtOneMegabyte(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	address, _ := publisher(t, http.StatusOK, strings.Repeat("x", 2<<20))
	for _, method := range []string{"GET", "POST"} {
		if _, body := fetch(t, newCachingTransport(&now), method, address); len(body) != 1<<20 {
			t.Errorf("%s: %d bytes", method, len(body))
		}
	}
}

// TestClientFollowsNoRedirect proves that the client for providers follows no redirect.
// Otherwise a redirect could send the authorization code and the client secret to another host.
func TestClientFollowsNoRedirect(t *testing.T) {
	there, calls := publisher(t, http.StatusOK, "")
	server := httptest.NewServer(http.RedirectHandler(there, http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	client := newClient(time.Now)
	for _, method := range []string{"GET", "POST"} {
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil || res.StatusCode != http.StatusTemporaryRedirect || calls.Load() != 0 {
			t.Fatalf("%s: %v, %v, %d followed", method, res, err, calls.Load())
		}
		res.Body.Close()
	}
	if client.Timeout != 10*time.Second {
		t.Errorf("one call may take %v", client.Timeout)
	}
}

func TestAnswersAreCachedPerAddress(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	k := newCachingTransport(&now)
	address, _ := publisher(t, http.StatusOK, "keys")
	for _, query := range []string{"?a", "?b", "?c"} {
		fetch(t, k, "GET", address+query)
	}
	if k.kept.Len() != 3 {
		t.Errorf("%d are kept", k.kept.Len())
	}
}
