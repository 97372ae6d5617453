package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"backupportal/function/emulator"
)

// BenchmarkBesideABareServer sends each request to the portal, and then to a bare server that
// returns an empty page, over the same loopback. It reports the ratio of the two times, which
// can be compared between machines. The time of a submission includes the time of the emulator.
func BenchmarkBesideABareServer(b *testing.B) {
	portal := httptest.NewServer(benchPortal(b))
	b.Cleanup(portal.Close)
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "<!doctype html><title>Backups</title>")
	}))
	b.Cleanup(bare.Close)
	n := 0
	for _, c := range []struct {
		name, method, path, body string
	}{
		{"form page", "GET", "/backups/new/UDM_ECS", ""},
		{"dry run", "POST", "/api/v1/backup-jobs?dry_run=true", kinds[0].json},
		{"submission", "POST", "/api/v1/backup-jobs", kinds[0].json},
	} {
		b.Run(c.name, func(b *testing.B) {
			var ours, theirs time.Duration
			for b.Loop() {
				n++
				ours += timed(b, c.method, portal.URL+c.path, c.body, fmt.Sprint("bench-", n))
				theirs += timed(b, c.method, bare.URL+c.path, c.body, "")
			}
			b.ReportMetric(float64(ours)/float64(theirs), "x-bare")
		})
	}
}

// BenchmarkListFirst reports how much longer a submission takes if the cloud's list is searched
// first (LIST_FIRST=1) than without that search (LIST_FIRST=0), as a ratio.
func BenchmarkListFirst(b *testing.B) {
	without, with := httptest.NewServer(benchPortal(b, "LIST_FIRST", "0")), httptest.NewServer(benchPortal(b, "LIST_FIRST", "1"))
	b.Cleanup(without.Close)
	b.Cleanup(with.Close)
	var plain, searched time.Duration
	for n := 0; b.Loop(); n++ {
		plain += timed(b, "POST", without.URL+"/api/v1/backup-jobs", kinds[0].json, fmt.Sprint("list-", n))
		searched += timed(b, "POST", with.URL+"/api/v1/backup-jobs", kinds[0].json, fmt.Sprint("list-", n))
	}
	b.ReportMetric(float64(searched)/float64(plain), "x-without")
}

// benchPortal returns the whole portal with the emulator, in this process. pairs are names and
// values of further environment variables.
func benchPortal(b *testing.B, pairs ...string) http.Handler {
	cloud, err := emulator.New(emulator.Options{})
	if err != nil {
		b.Fatal(err)
	}
	endpoint := httptest.NewServer(cloud)
	b.Cleanup(endpoint.Close)
	log, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { log.Close() })
	return connect(b, endpoint.URL, log, append(pairs, "DATABASE_URL", "sqlite:"+filepath.Join(b.TempDir(), "portal.db"))...).Handlers.Web
}

// timed makes one request and returns its duration. It fails the benchmark unless the request
// succeeds, because an error could be faster than a success.
func timed(b *testing.B, method, url, body, key string) time.Duration {
	r, err := http.NewRequestWithContext(b.Context(), method, url, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	if method == "POST" {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", key)
	}
	start := time.Now()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	content, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil || res.StatusCode >= 300 {
		b.Fatalf("%s: %s, %v: %s", url, res.Status, err, content)
	}
	return time.Since(start)
}
