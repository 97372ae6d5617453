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

// A publisher answers with a status and a body, and counts.
func publisher(t *testing.T, status int, body string) (address string, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("X-Published", "yes")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/keys", asked
}

func fetch(t *testing.T, k *keeper, method, address string) (status int, body string) {
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

// newKeeper returns a keeper whose clock stands still until the test moves it.
func newKeeper(now *time.Time) *keeper {
	clock := func() time.Time { return *now }
	return &keeper{now: clock, kept: cache.New[answer](mostAnswers, clock)}
}

func TestWhatAnIssuerPublishedIsKeptForFiveSeconds(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	k := newKeeper(&now)
	address, asked := publisher(t, http.StatusOK, "keys")
	fetch(t, k, "GET", address)
	now = now.Add(5*time.Second - 1)
	if status, body := fetch(t, k, "GET", address); status != http.StatusOK || body != "keys" || asked.Load() != 1 {
		t.Errorf("status %d, %q, asked %d times", status, body, asked.Load())
	}
	if fetch(t, k, "POST", address); asked.Load() != 2 {
		t.Errorf("a POST was not sent")
	}
	now = now.Add(1)
	if fetch(t, k, "GET", address); asked.Load() != 3 {
		t.Errorf("after five seconds asked %d times", asked.Load())
	}
}

func TestOnlyGoodAnswersAreKept(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	k := newKeeper(&now)
	address, asked := publisher(t, http.StatusServiceUnavailable, "later")
	for range 2 {
		if status, _ := fetch(t, k, "GET", address); status != http.StatusServiceUnavailable {
			t.Errorf("status %d", status)
		}
	}
	if asked.Load() != 2 || k.kept.Len() != 0 {
		t.Errorf("asked %d times, kept %d", asked.Load(), k.kept.Len())
	}
	k.RoundTrip(httptest.NewRequest("GET", "http://127.0.0.1:1/", nil))
	if k.kept.Len() != 0 {
		t.Error("no answer is kept, too")
	}
}

// More addresses than settings can name are no reason to keep more and more.
func TestKeptAnswersAreBounded(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	k := newKeeper(&now)
	address, _ := publisher(t, http.StatusOK, "keys")
	for i := range 300 {
		if fetch(t, k, "GET", address+"?"+strings.Repeat("x", i)); k.kept.Len() > 100 {
			t.Fatalf("%d are kept", k.kept.Len())
		}
	}
}

// An issuer's answer is read up to a megabyte.
func TestAnswersOfIssuersAreReadUpToABound(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	address, _ := publisher(t, http.StatusOK, strings.Repeat("x", 2<<20))
	for _, method := range []string{"GET", "POST"} {
		if _, body := fetch(t, newKeeper(&now), method, address); len(body) != 1<<20 {
			t.Errorf("%s: %d bytes", method, len(body))
		}
	}
}

// A code and a secret go to the address that the issuer has published, wherever that sends them on.
func TestClientFollowsNoRedirect(t *testing.T) {
	there, asked := publisher(t, http.StatusOK, "")
	server := httptest.NewServer(http.RedirectHandler(there, http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	client := newClient(time.Now)
	for _, method := range []string{"GET", "POST"} {
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil || res.StatusCode != http.StatusTemporaryRedirect || asked.Load() != 0 {
			t.Fatalf("%s: %v, %v, %d followed", method, res, err, asked.Load())
		}
		res.Body.Close()
	}
	if client.Timeout != 10*time.Second {
		t.Errorf("one call may take %v", client.Timeout)
	}
}

func TestAnswersOfSeveralAddressesAreKept(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	k := newKeeper(&now)
	address, _ := publisher(t, http.StatusOK, "keys")
	for _, query := range []string{"?a", "?b", "?c"} {
		fetch(t, k, "GET", address+query)
	}
	if k.kept.Len() != 3 {
		t.Errorf("%d are kept", k.kept.Len())
	}
}
