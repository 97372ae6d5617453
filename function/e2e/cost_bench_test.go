package e2e

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"backupportal/function/event/runtimetest"
	"backupportal/function/store/postgrestest"
)

// baselines builds the programs of testdata/baseline once, with the flags of make dist, next to
// the portal's program. TestMain removes them. They are the programs with which the portal is
// compared.
var baselines = sync.OnceValues(func() (string, error) {
	portal, err := program()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(filepath.Dir(portal), "baseline")
	for _, name := range []string{"hello", "bare", "sdkfunction"} {
		if err := buildStripped(filepath.Join(folder, name), "./testdata/baseline/"+name); err != nil {
			return "", err
		}
	}
	return folder, buildStripped(filepath.Join(folder, "main"), "..")
})

// buildStripped builds a program as make dist does.
func buildStripped(path, from string) error {
	build := exec.Command("go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags=-s -w", "-o", path, from)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", from, err, out)
	}
	return nil
}

// A benched is a program that is measured behind a simulation of Function Compute.
type benched struct {
	path    string
	env     []string
	flight  int // calls at the same time; 0 means 1
	status  int // expected HTTP status
	request func() *http.Request
}

// A cost is the time and memory that a program used.
type cost struct {
	took time.Duration // from the start of the process to the end of its first answer
	cpu  time.Duration // user and system time
	peak float64       // resident memory in MiB
}

// start starts the program and returns it with its HTTP trigger.
func (p benched) start(b *testing.B) (*runtimetest.FC, http.Handler) {
	b.Helper()
	fc := &runtimetest.FC{Credentials: demoRole, Concurrency: p.flight}
	fc.Start(b, p.path, p.env...)
	return fc, &runtimetest.FCTrigger{Function: fc, Domain: "backup.example.com"}
}

// ask sends one request. It fails the benchmark if the answer is not the expected one, because an
// error could be faster than a success.
func (p benched) ask(b *testing.B, trigger http.Handler) {
	w := httptest.NewRecorder()
	trigger.ServeHTTP(w, p.request())
	if w.Code != p.status {
		b.Errorf("%s: %d %s", filepath.Base(p.path), w.Code, w.Body)
	}
}

// cold starts the program, sends one request and ends it.
func (p benched) cold(b *testing.B) cost {
	b.Helper()
	began := time.Now()
	fc, trigger := p.start(b)
	p.ask(b, trigger)
	took := time.Since(began)
	peak := peakMemory(b, fc.PID())
	fc.Kill()
	return cost{took, fc.Ended().UserTime() + fc.Ended().SystemTime(), peak}
}

// peakMemory returns the largest resident memory of a running process so far, in MiB. It does
// not use [syscall.Rusage], which can contain the value of the parent process.
func peakMemory(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	var kib float64
	if _, err := fmt.Sscan(after, &kib); err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}

// processorTime returns the user and system time of a running process, in steps of 10 ms.
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), ") ") // the name of the program is in parentheses
	fields := strings.Fields(after)
	var user, system int64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		b.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// median returns the middle value. It sorts values.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// ratios collects measurements of two programs, one pair in each round.
type ratios struct{ ours, theirs []float64 }

func (r *ratios) add(ours, theirs float64) {
	r.ours, r.theirs = append(r.ours, ours), append(r.theirs, theirs)
}

// report writes the median of the ratios, and the medians of both programs.
func (r *ratios) report(b *testing.B, name, unit string) {
	b.Helper()
	var each []float64
	for i := range r.ours {
		each = append(each, r.ours[i]/r.theirs[i])
	}
	b.ReportMetric(median(each), name+"-ratio")
	b.ReportMetric(median(r.ours), name+"-"+unit)
	b.ReportMetric(median(r.theirs), name+"-theirs-"+unit)
}

// coldRounds is the number of starts of each program in one iteration.
const coldRounds = 30

// benchCold measures the first request of two programs. Each round starts both as new
// processes, one after the other.
func benchCold(b *testing.B, ours, theirs benched) {
	ours.cold(b)
	theirs.cold(b) // both programs are in the page cache now
	for b.Loop() {
		var wall, cpu, peak ratios
		for range coldRounds {
			x, y := ours.cold(b), theirs.cold(b)
			wall.add(milliseconds(x.took), milliseconds(y.took))
			cpu.add(milliseconds(x.cpu), milliseconds(y.cpu))
			peak.add(x.peak, y.peak)
		}
		wall.report(b, "wall", "ms")
		cpu.report(b, "cpu", "ms")
		peak.report(b, "peak", "MiB")
	}
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

// page returns a request for a page.
func page(path string) func() *http.Request {
	return func() *http.Request {
		return httptest.NewRequest("GET", "https://backup.example.com"+path, nil)
	}
}

// submissions counts the submissions of the benchmarks of costs, so that each has a key of its own.
var submissions atomic.Int64

// submission returns a request that starts a backup of a whole instance.
func submission() *http.Request {
	key := fmt.Sprint("cost-", submissions.Add(1))
	r := httptest.NewRequest("POST", "https://backup.example.com/api/v1/backup-jobs", strings.NewReader(
		`{"Account":"demo","Region":"cn-hangzhou","InstanceId":"i-bp1demoweb01","Retention":7,"JobName":"`+key+`"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	return r
}

// costPrograms returns the three programs to compare: the portal, the hello function and the
// SDK function. They call the emulator at cloud. authority is the file of its certificate
// authority, or empty.
func costPrograms(b *testing.B, cloud, authority, database string) (portal, hello, sdk benched) {
	b.Helper()
	folder, err := baselines()
	if err != nil {
		b.Fatal(err)
	}
	policy, err := filepath.Abs("../cmd/local/policy.yaml")
	if err != nil {
		b.Fatal(err)
	}
	env := []string{"CLOUD_ENDPOINT=" + cloud, "POLICY_FILE=" + policy, "AUTH_MODE=demo", "TMPDIR=" + b.TempDir()}
	if authority != "" {
		env = append(env, "CLOUD_CA_FILE="+authority)
	}
	if database == "" {
		env = append(env, "ALLOW_EPHEMERAL_STORE=1")
	} else {
		env = append(env, "DATABASE_URL="+database)
	}
	portal = benched{path: filepath.Join(folder, "main"), env: env, status: http.StatusCreated, request: submission}
	hello = benched{path: filepath.Join(folder, "hello"), status: http.StatusOK, request: page("/")}
	sdk = benched{
		path: filepath.Join(folder, "sdkfunction"), env: []string{"CLOUD_ENDPOINT=" + cloud, "SSL_CERT_FILE=" + authority},
		status: http.StatusCreated, request: submission,
	}
	return portal, hello, sdk
}

// BenchmarkColdPage compares the time from the start of the process to the first page with that
// of a function that only returns a greeting.
func BenchmarkColdPage(b *testing.B) {
	portal, hello, _ := costPrograms(b, startEmulator(b), "", "")
	portal.status = http.StatusOK
	for name, path := range map[string]string{"start": "/", "form": "/backups/new/UDM_ECS"} {
		b.Run(name, func(b *testing.B) {
			portal.request = page(path)
			benchCold(b, portal, hello)
		})
	}
}

// BenchmarkColdSubmission compares the first submission of a new process with that of the SDK
// function, a minimal program that makes the same call with the vendor's SDK. The calls use
// TLS; the portal uses PostgreSQL on this machine.
func BenchmarkColdSubmission(b *testing.B) {
	cloud, authority := startEmulatorTLS(b)
	database := postgrestest.Start(b).Schema(b)
	portal, _, sdk := costPrograms(b, cloud, authority, database)
	benchCold(b, portal, sdk)
}

// BenchmarkWarmSubmission compares submissions of a running process with those of the SDK
// function. The processes take turns, 200 submissions each. The database is PostgreSQL: with
// SQLite, an instance of a platform searches the cloud's list before each submission, and the
// list grows with the benchmark.
func BenchmarkWarmSubmission(b *testing.B) {
	cloud, authority := startEmulatorTLS(b)
	database := postgrestest.Start(b).Schema(b)
	portal, _, sdk := costPrograms(b, cloud, authority, database)
	const rounds, each = 7, 200
	fcOurs, ours := portal.start(b)
	fcTheirs, theirs := sdk.start(b)
	some := func(p benched, fc *runtimetest.FC, trigger http.Handler) (cpu, p50 float64) {
		before := processorTime(b, fc.PID())
		var took []float64
		for range each {
			began := time.Now()
			p.ask(b, trigger)
			took = append(took, milliseconds(time.Since(began)))
		}
		return milliseconds(processorTime(b, fc.PID())-before) / each, median(took)
	}
	some(portal, fcOurs, ours)
	some(sdk, fcTheirs, theirs)
	for b.Loop() {
		var cpu, wall ratios
		for range rounds {
			oursCPU, oursP50 := some(portal, fcOurs, ours)
			theirsCPU, theirsP50 := some(sdk, fcTheirs, theirs)
			cpu.add(oursCPU, theirsCPU)
			wall.add(oursP50, theirsP50)
		}
		cpu.report(b, "cpu", "ms")
		wall.report(b, "p50", "ms")
	}
}

// upstream is how long the emulated cloud takes to answer in BenchmarkFlight.
const upstream = 50 * time.Millisecond

// BenchmarkFlight compares simultaneous submissions with those to the SDK function if the cloud
// answers after 50 ms. It reports the median time of an answer and the largest memory of the
// process.
func BenchmarkFlight(b *testing.B) {
	cloud, authority := startEmulatorTLS(b, "-faults", "CreateBackupJob: latency "+upstream.String()+" forever")
	database := postgrestest.Start(b).Schema(b)
	portal, _, sdk := costPrograms(b, cloud, authority, database)
	for _, flight := range []int{1, 100} {
		b.Run(fmt.Sprint(flight), func(b *testing.B) {
			portal.flight, sdk.flight = flight, flight
			each := 10 * max(flight, 5)
			for b.Loop() {
				var wall, peak ratios
				var direct []float64
				for range 3 {
					oursP50, oursPeak := portal.fly(b, each)
					theirsP50, theirsPeak := sdk.fly(b, each)
					wall.add(oursP50, theirsP50)
					peak.add(oursPeak, theirsPeak)
					direct = append(direct, oursP50/milliseconds(upstream))
				}
				wall.report(b, "p50", "ms")
				peak.report(b, "peak", "MiB")
				b.ReportMetric(median(direct), "p50-x-upstream")
			}
		})
	}
}

// fly starts the program, sends many submissions, flight of them at the same time, and ends the
// program. It returns the median time of an answer and the largest memory.
func (p benched) fly(b *testing.B, submissions int) (p50, peak float64) {
	b.Helper()
	fc, trigger := p.start(b)
	p.ask(b, trigger) // the start is not measured
	var mu sync.Mutex
	var took []float64
	left := atomic.Int64{}
	left.Store(int64(submissions))
	var all sync.WaitGroup
	for range p.flight {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				began := time.Now()
				p.ask(b, trigger)
				mu.Lock()
				took = append(took, milliseconds(time.Since(began)))
				mu.Unlock()
			}
		})
	}
	all.Wait()
	peak = peakMemory(b, fc.PID())
	fc.Kill()
	return median(took), peak
}

// BenchmarkZip reports the size of the zip file that is deployed. It also reports how much of
// the program belongs to each module, before its symbols are removed; symbols without a module
// belong to the standard library.
func BenchmarkZip(b *testing.B) {
	folder, err := baselines()
	if err != nil {
		b.Fatal(err)
	}
	whole, err := program()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		b.ReportMetric(zipped(b, filepath.Join(folder, "main")), "zip-MB")
		for module, size := range symbols(b, whole) {
			if size > 100<<10 {
				b.ReportMetric(float64(size)/1e6, module+"-MB")
			}
		}
	}
}

// symbols returns the size of the code and constants of each module in a program, in bytes. The
// packages of the portal are "backupportal", and those of Go are "std".
func symbols(b *testing.B, path string) map[string]int {
	b.Helper()
	out, err := exec.Command("go", "tool", "nm", "-size", path).Output()
	if err != nil {
		b.Fatal(err)
	}
	sizes := map[string]int{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.Contains("TtRr", fields[2]) {
			continue // data, of which most takes no room in the file
		}
		size, err := strconv.Atoi(fields[1])
		if err != nil {
			b.Fatal(err)
		}
		sizes[moduleOf(fields[3])] += size
	}
	return sizes
}

// moduleOf returns the first parts of the path in a symbol's name: the module of most packages.
func moduleOf(symbol string) string {
	path, _, _ := strings.Cut(symbol, "(")
	parts := strings.Split(path, "/")
	switch {
	case parts[0] == "backupportal":
		return "backupportal"
	case strings.Contains(parts[0], ".") && len(parts) > 2:
		name, _, _ := strings.Cut(parts[2], ".")
		return parts[0] + "/" + parts[1] + "/" + name
	case strings.Contains(parts[0], ".") && len(parts) == 2:
		name, _, _ := strings.Cut(parts[1], ".")
		return parts[0] + "/" + name
	}
	return "std"
}

// zipped returns the size of a zip with one file, in megabytes.
func zipped(b *testing.B, path string) float64 {
	b.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	w, err := z.Create("main")
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
	return float64(out.Len()) / 1e6
}

// BenchmarkWritersBesideReaders measures how many submissions per second 8 clients can make on
// SQLite: alone, and while 32 clients read the list without a pause. The two phases alternate.
func BenchmarkWritersBesideReaders(b *testing.B) {
	url, _ := startPortal(b, startEmulator(b), "sqlite:"+filepath.Join(b.TempDir(), "portal.db"))
	const phase = 3 * time.Second
	write := func() float64 {
		var made atomic.Int64
		var all sync.WaitGroup
		began := time.Now()
		for range 8 {
			all.Go(func() {
				for time.Since(began) < phase {
					if accepted(b, url) {
						made.Add(1)
					}
				}
			})
		}
		all.Wait()
		return float64(made.Load()) / time.Since(began).Seconds()
	}
	write()
	for b.Loop() {
		var kept ratios
		for range 3 {
			alone := write()
			stop := make(chan struct{})
			var readers sync.WaitGroup
			for range 32 {
				readers.Go(func() { readList(b, url, stop) })
			}
			beside := write()
			close(stop)
			readers.Wait()
			kept.add(beside, alone)
		}
		kept.report(b, "kept", "per-s")
	}
}

// accepted makes one submission. It returns false if the portal refuses it because it is
// overloaded.
func accepted(b *testing.B, url string) bool {
	r := submission()
	r.RequestURI = ""
	r.URL.Scheme, r.URL.Host = "http", strings.TrimPrefix(url, "http://")
	r.Host = r.URL.Host
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Error(err)
		return false
	}
	io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	if answer.StatusCode != http.StatusCreated && answer.StatusCode != http.StatusServiceUnavailable {
		b.Errorf("a submission: %s", answer.Status)
	}
	return answer.StatusCode == http.StatusCreated
}

// readList reads the list of submissions again and again, until stop is closed.
func readList(b *testing.B, url string, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		answer, err := http.Get(url + "/api/v1/backup-jobs")
		if err != nil {
			b.Error(err)
			return
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
}
