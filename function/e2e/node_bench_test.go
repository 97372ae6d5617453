package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"backupportal/function/emulator"
	"backupportal/function/emulator/world"
	"backupportal/function/store/postgrestest"
)

// nodePackages is the folder with the vendor's packages for Node.js. The tests of
// function/emulator use it too.
const nodePackages = "../../.ci/emulator-clients/node_modules"

// nodeBaseline returns the command of the Node.js function in testdata/baseline, which calls the
// cloud at endpoint. It skips the test if Node.js or the vendor's packages are missing; with
// CI=true it fails the test instead.
func nodeBaseline(t testing.TB, endpoint string) *exec.Cmd {
	t.Helper()
	without := ""
	if _, err := exec.LookPath("node"); err != nil {
		without = "there is no node: install Node.js 20 or newer"
	} else if _, err := os.Stat(nodePackages); err != nil {
		without = "there are no packages: npm ci --prefix .ci/emulator-clients"
	}
	switch {
	case without != "" && os.Getenv("CI") == "true":
		t.Fatal(without)
	case without != "":
		t.Skip("left out, the function in Node.js: " + without)
	}
	packages, err := filepath.Abs(nodePackages)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "testdata/baseline/node/server.js")
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "NODE_PATH=" + packages, "NODE_ENV=production", "CLOUD_ENDPOINT=" + endpoint,
		"ALIBABA_CLOUD_ACCESS_KEY_ID=" + world.DemoKey, "ALIBABA_CLOUD_ACCESS_KEY_SECRET=" + world.DemoSecret,
	}
	return cmd
}

// TestNodeBaselineStartsBackups proves that the Node.js function with which a benchmark compares
// the portal makes one job for a request, so that the benchmark compares the same work.
func TestNodeBaselineStartsBackups(t *testing.T) {
	t.Parallel()
	cloud, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := httptest.NewServer(cloud)
	t.Cleanup(endpoint.Close)
	p := startHTTP(t, nodeBaseline(t, endpoint.URL), "node ")
	code, body := customCall{
		method: "POST", path: "/api/v1/backup-jobs", body: `{"InstanceId":"i-bp1demoweb01","Retention":7,"JobName":"node"}`,
	}.send(t, p.url)
	p.stop(t)
	jobs := cloud.Ledger().Jobs
	if code != http.StatusCreated || len(jobs) != 1 || jobs[0].Name != "node" || !strings.Contains(body, jobs[0].ID) {
		t.Errorf("%d %s, jobs %+v", code, body, jobs)
	}
	if calls := cloud.Ledger().Calls; len(calls) != 1 || len(calls[0].Unknown) != 0 {
		t.Errorf("calls %+v, want one CreateBackupJob with known parameters", calls)
	}
}

// nodeClients is the number of clients of BenchmarkCustomRuntimeBesideNode, and
// nodePhase is how long they send submissions to one program before the other has its turn.
const (
	nodeClients = 50
	nodePhase   = 3 * time.Second
	nodeRounds  = 5
)

// BenchmarkCustomRuntimeBesideNode compares submissions to the portal with those to a function
// in Node.js, which calls the cloud's SDK once for each request and keeps nothing. Each of 50
// clients sends its next submission when it has the answer to the one before. Both programs call
// the same emulator, which answers after 50 ms or at once. They take turns; each metric is a
// median of 5 rounds.
//
// With PostgreSQL the portal runs as a custom runtime of Function Compute. With SQLite it runs as
// a plain server: with a database of its own, an instance of a platform searches the cloud's list
// before each submission, and the list grows with the benchmark.
//
//	rate-ratio        submissions per second of the portal, divided by those of Node.js
//	p50-ratio         median time of a submission to the portal, divided by that to Node.js
//	peak-MiB          peak memory of the portal
//	peak-theirs-MiB   peak memory of Node.js
//	load              the machine's load average in the last minute
func BenchmarkCustomRuntimeBesideNode(b *testing.B) {
	policy := tokenPolicy(b)
	path, err := program()
	if err != nil {
		b.Fatal(err)
	}
	databases := map[string]func(b *testing.B) []string{
		"PostgreSQL": func(b *testing.B) []string { return []string{"DATABASE_URL=" + postgrestest.Start(b).Schema(b)} },
		"SQLite": func(b *testing.B) []string {
			return []string{"DATABASE_URL=sqlite:" + filepath.Join(b.TempDir(), "portal.db"), "FC_FUNCTION_NAME="}
		},
	}
	for _, latency := range []string{"50ms", "0ms"} {
		for _, database := range []string{"PostgreSQL", "SQLite"} {
			b.Run("cloud-"+latency+"/"+database, func(b *testing.B) {
				before := runtime.GOMAXPROCS(1)
				b.Cleanup(func() { runtime.GOMAXPROCS(before) })
				var faults []string
				if latency != "0ms" {
					faults = []string{"-faults", "CreateBackupJob: latency " + latency + " forever"}
				}
				cloud := startEmulator(b, faults...)
				env := append([]string{
					"CLOUD_ENDPOINT=" + cloud, "POLICY_FILE=" + policy, "AUTH_MODE=events", "PUBLIC_URL=https://backup.example.com",
				}, databases[database](b)...)
				cmd := customRuntime(b, path, env...)
				cmd.Stderr = nil // the log goes to the null device, as that of Node.js
				ours, theirs := newServed(b, cmd, "portal "), newServed(b, nodeBaseline(b, cloud), "node ")
				ours.submit(b, nodePhase/3) // connections, and the compiler of Node.js
				theirs.submit(b, nodePhase/3)
				for b.Loop() {
					var rate, p50 ratios
					for range nodeRounds {
						oursRate, oursP50 := ours.submit(b, nodePhase)
						theirsRate, theirsP50 := theirs.submit(b, nodePhase)
						rate.add(oursRate, theirsRate)
						p50.add(oursP50, theirsP50)
					}
					rate.report(b, "rate", "per-s")
					p50.report(b, "p50", "ms")
				}
				b.ReportMetric(peakMemory(b, ours.cmd.Process.Pid), "peak-MiB")
				b.ReportMetric(peakMemory(b, theirs.cmd.Process.Pid), "peak-theirs-MiB")
				b.ReportMetric(loadAverage(), "load")
			})
		}
	}
}

// A served is a running program with its clients.
type served struct {
	*httpProcess
	client *http.Client
}

// newServed starts a program until the end of the benchmark. See [startHTTP].
func newServed(b *testing.B, cmd *exec.Cmd, prefix string) served {
	b.Helper()
	p := startHTTP(b, cmd, prefix)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: nodeClients}, Timeout: time.Minute}
	b.Cleanup(func() {
		client.CloseIdleConnections()
		p.stop(b)
	})
	return served{p, client}
}

// submit sends submissions from nodeClients clients and returns how many succeeded per second, and
// their median time in milliseconds. Each answer must be 201.
func (s served) submit(b *testing.B, long time.Duration) (perSecond, p50 float64) {
	var mu sync.Mutex
	var took []float64
	var failed atomic.Bool
	var all sync.WaitGroup
	began := time.Now()
	for range nodeClients {
		all.Go(func() {
			for time.Since(began) < long && !failed.Load() {
				start := time.Now()
				if err := s.once(); err != nil {
					if !failed.Swap(true) {
						b.Error(err)
					}
					return
				}
				mu.Lock()
				took = append(took, milliseconds(time.Since(start)))
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if failed.Load() {
		b.FailNow()
	}
	return float64(len(took)) / time.Since(began).Seconds(), median(took)
}

// once sends one submission as a client of the platform does.
func (s served) once() error {
	r := submission()
	r.RequestURI = ""
	r.URL.Scheme, r.URL.Host = "http", strings.TrimPrefix(s.url, "http://")
	r.Header.Set("Authorization", "Bearer "+programToken)
	r.Header.Set("X-Fc-Request-Id", r.Header.Get("Idempotency-Key"))
	r.Header.Set("X-Fc-Control-Path", "/http-invoke")
	answer, err := s.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusCreated {
		return fmt.Errorf("%s: %s: %s", s.url, answer.Status, text)
	}
	return nil
}
