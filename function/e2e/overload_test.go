package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"backupportal/function/emulator"
)

// A heldCloud is a cloud that answers no CreateBackupJob until open is closed. It reports each
// such call on the channel arrived.
type heldCloud struct {
	cloud   *emulator.Cloud
	arrived chan struct{}
	open    chan struct{}
}

// ServeHTTP implements [http.Handler].
func (h *heldCloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender has disconnected
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	query, _ := url.ParseQuery(r.URL.RawQuery + "&" + string(body)) // the cloud below refuses malformed parts
	if query.Get("Action") == "CreateBackupJob" {
		h.arrived <- struct{}{}
		<-h.open
	}
	h.cloud.ServeHTTP(w, r)
}

// TestOverloadLosesNothing proves that an overload loses no submission. With MAX_REQUESTS=5 and a cloud that does
// not answer, four submissions hold a slot, and 20 have lent their slots while they wait for the cloud. The others
// are refused before the portal calls the cloud. Reads and health checks are answered. Afterwards each accepted
// submission has its job, and each refused submission gets its job when it is repeated with the same key.
func TestOverloadLosesNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		cloud, err := emulator.New(emulator.Options{})
		if err != nil {
			t.Fatal(err)
		}
		held := &heldCloud{cloud: cloud, arrived: make(chan struct{}, 100), open: make(chan struct{})}
		endpoint := httptest.NewServer(held)
		t.Cleanup(endpoint.Close)
		portal, _ := startPortal(t, endpoint.URL, database, "MAX_REQUESTS=5")
		const admitted, refused = 4 + 20, 20
		var accepted sync.WaitGroup
		for n := range admitted {
			accepted.Go(func() {
				// Another request that arrives at the same time may take the slot for a moment.
				// On a busy machine the test may hold the call for longer than the portal
				// waits; then the answer is 202.
				res := resend(t, portal, n)
				if res.StatusCode != http.StatusCreated && res.StatusCode != http.StatusAccepted {
					t.Errorf("submission %d: %s", n, res.Status)
				}
			})
		}
		for range admitted {
			<-held.arrived
		}
		for n := range refused {
			res := send(t, "POST", portal+"/api/v1/backup-jobs", kinds[0].json, fmt.Sprint("overload-", admitted+n))
			if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
				t.Errorf("submission %d: %s, Retry-After %q", admitted+n, res.Status, res.Header.Get("Retry-After"))
			}
		}
		for _, path := range []string{"/readyz", "/healthz", "/", "/backups", "/api/v1/backup-jobs"} {
			res := patiently(func() *http.Response { return send(t, "GET", portal+path, "", "") }, http.StatusServiceUnavailable)
			if res.StatusCode != http.StatusOK {
				t.Errorf("%s during the overload: %s", path, res.Status)
			}
		}
		if n := len(cloud.Ledger().CallsOf("CreateBackupJob")) + len(held.arrived); n != 0 {
			t.Errorf("the cloud got %d more calls", n)
		}
		close(held.open)
		accepted.Wait()
		for n := range admitted + refused {
			if res := insist(t, portal, n); res.StatusCode != http.StatusCreated && res.StatusCode != http.StatusOK {
				t.Errorf("submission %d again: %s", n, res.Status)
			}
		}
		if n := len(cloud.Ledger().Jobs); n != admitted+refused {
			t.Errorf("%d jobs for %d submissions", n, admitted+refused)
		}
		var ready struct {
			Load struct {
				Submissions struct {
					InFlight int   `json:"in_flight"`
					Refused  int64 `json:"refused"`
				} `json:"submissions"`
			} `json:"load"`
		}
		if err := json.NewDecoder(send(t, "GET", portal+"/readyz", "", "").Body).Decode(&ready); err != nil {
			t.Error(err)
		}
		if now := ready.Load.Submissions; now.InFlight != 0 || now.Refused < refused {
			t.Errorf("/readyz: %+v", now)
		}
	})
}

// resend sends submission n until the answer is not 503.
func resend(t *testing.T, portal string, n int) *http.Response {
	t.Helper()
	return patiently(func() *http.Response {
		return send(t, "POST", portal+"/api/v1/backup-jobs", kinds[0].json, fmt.Sprint("overload-", n))
	}, http.StatusServiceUnavailable)
}

// insist sends submission n until its outcome is known.
func insist(t *testing.T, portal string, n int) *http.Response {
	t.Helper()
	return patiently(func() *http.Response { return resend(t, portal, n) }, http.StatusAccepted, http.StatusConflict)
}

// patiently makes a request again while its answer has one of the statuses, for at most
// patience, and returns the last answer.
func patiently(request func() *http.Response, again ...int) *http.Response {
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		res := request()
		if !slices.Contains(again, res.StatusCode) || time.Now().After(end) {
			return res
		}
	}
}

// send makes one request. The body of the answer was read completely.
func send(t *testing.T, method, url, body, key string) *http.Response {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == "POST" {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", key)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return &http.Response{Status: err.Error(), Header: http.Header{}, Body: http.NoBody}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	res.Body = io.NopCloser(bytes.NewReader(text))
	return res
}
