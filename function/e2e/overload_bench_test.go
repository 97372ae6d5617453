package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"backupportal/function/emulator"
)

// BenchmarkOverload sends submissions and reads to the built program while 200 watchers wait
// for a job. It measures the submissions that succeed per second at the program's capacity, and
// then at three times that rate. The phases alternate, because other programs may use the
// machine too, and each rate is the median of its phases. The program, the emulator and the
// database are processes of their own, and the clients use one processor.
//
//	kept-%               the rate of submissions under overload, in percent of the rate at capacity
//	kept-with-reads-%    the same for submissions and reads together
//	reads-*/s            successful reads
//	refused-at-capacity  refusals in the phases at capacity; there should be few. With many, the
//	                     measured capacity is too low, and so kept-% is too high
//	refusal-p50-ms       time of a refusal at the client, with waits for a processor: the clients, the
//	refusal-p99-ms       cloud and the database share the machine with the program
//	logged-p99-ms        time of a refusal in the program's log
//	wrong                submissions with two jobs, accepted ones without a job, and refused ones with a job
//	load                 the machine's load average in the last minute
func BenchmarkOverload(b *testing.B) {
	benchBoth(b, func(b *testing.B, database string) {
		for b.Loop() {
			o := newOverload(b, database)
			o.atCapacity(time.Second) // opens the connections before the measurement
			var normal, heavy phases
			for range 3 {
				normal = append(normal, o.atCapacity(3*time.Second))
				rate := 3 * normal.median((*tally).perSecond)
				heavy = append(heavy, o.atRate(rate, 4*time.Second))
			}
			heavy.report(b, normal)
			b.ReportMetric(o.logged(b, 99), "logged-p99-ms")
			b.ReportMetric(float64(o.wrong(b)), "wrong")
			b.ReportMetric(loadAverage(), "load")
		}
	})
}

// BenchmarkManyWriters sends submissions from many clients to the built program while 200
// watchers wait for a job. Each client sends its next submission when it has the answer to the
// one before. There should be no refusals.
//
//	per-second  accepted submissions
//	p50-ms      time of an accepted submission at the client
//	refused     submissions that were refused because no slot was free
//	other       submissions that were neither accepted nor refused
//	wrong       submissions with two jobs, and accepted ones without a job
//	watchers-refused  refusals of watchers
func BenchmarkManyWriters(b *testing.B) {
	for _, c := range []struct {
		name    string
		writers int
		faults  string // fault schedule of the emulated cloud
		busy    bool   // other programs use all processors
	}{
		{"64", 64, "", false},
		{"64-busy", 64, "", true},
		{"100-cloud-50ms", 100, "CreateBackupJob: latency 50ms forever", false},
	} {
		b.Run(c.name, func(b *testing.B) {
			benchBoth(b, func(b *testing.B, database string) {
				if c.busy {
					for range runtime.NumCPU() {
						busy := exec.Command("sh", "-c", "while :; do :; done")
						if err := busy.Start(); err != nil {
							b.Fatal(err)
						}
						b.Cleanup(func() {
							_ = busy.Process.Kill() // it never ends by itself
							_ = busy.Wait()         // the error says that it was killed
						})
					}
				}
				for b.Loop() {
					o := newOverload(b, database, "-faults", c.faults)
					count := o.fromWriters(c.writers, 6*time.Second)
					b.ReportMetric(count.perSecond(), "per-second")
					b.ReportMetric(float64(len(count.refused)), "refused")
					b.ReportMetric(float64(count.other), "other")
					b.ReportMetric(float64(o.unseen.Load()), "watchers-refused")
					b.ReportMetric(float64(o.wrong(b)), "wrong")
					if slices.Sort(count.created); len(count.created) > 0 {
						b.ReportMetric(float64(count.created[len(count.created)/2].Microseconds())/1000, "p50-ms")
					}
				}
			})
		})
	}
}

// fromWriters sends submissions from a number of clients, each without a pause.
func (o *overload) fromWriters(writers int, long time.Duration) *tally {
	c, began, all := &tally{}, time.Now(), sync.WaitGroup{}
	for range writers {
		all.Go(func() {
			for time.Since(began) < long {
				o.submit(c)
			}
		})
	}
	all.Wait()
	c.took = time.Since(began)
	return c
}

// An overload is the built program with the clients that send it too many requests.
type overload struct {
	t       testing.TB
	cloud   string // address of the emulator
	url     string
	log     string // path of the program's log
	client  *http.Client
	watched string // id of the submission that is watched and read
	sent    atomic.Int64
	unseen  atomic.Int64 // refusals of watchers
	answers sync.Map     // submissionAnswer by key
}

// A submissionAnswer is the body of the answer to one submission. It is zero for an error.
type submissionAnswer struct{ created, refused bool }

// A tally counts the answers in one phase of the benchmark, by their kind.
type tally struct {
	mu       sync.Mutex
	took     time.Duration
	accepted int
	reads    int             // successful reads
	late     int             // refused after more than a second
	other    int             // neither accepted nor refused
	refused  []time.Duration // how long each refusal took
	created  []time.Duration // how long each accepted submission took
}

func (c *tally) perSecond() float64 { return float64(c.accepted) / c.took.Seconds() }

func (c *tally) allPerSecond() float64 { return float64(c.accepted+c.reads) / c.took.Seconds() }

// newOverload starts an emulator with args, the program, and the watchers.
func newOverload(b *testing.B, database string, args ...string) *overload {
	b.Helper()
	before := runtime.GOMAXPROCS(1)
	b.Cleanup(func() { runtime.GOMAXPROCS(before) })
	o := &overload{t: b, cloud: startEmulator(b, args...)}
	o.url, o.log = startPortal(b, o.cloud, database, "POLICY_FILE="+withoutPace(b))
	o.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2000}, Timeout: time.Minute}
	b.Cleanup(o.client.CloseIdleConnections)
	o.watched = startJob(b, o.url)
	stop, watching := make(chan struct{}), sync.WaitGroup{}
	for range watchers {
		watching.Go(func() { o.watch(stop) })
	}
	b.Cleanup(func() { close(stop); watching.Wait() })
	return o
}

// withoutPace returns the path of the demo policy with such a high limit of requests that the
// benchmark does not reach it.
func withoutPace(b testing.TB) string {
	b.Helper()
	demo, err := os.ReadFile("../cmd/local/policy.yaml")
	if err != nil {
		b.Fatal(err)
	}
	const pace, more = "requests: {burst: 10000, per: 1m}", "requests: {burst: 100000, per: 100s}"
	if !bytes.Contains(demo, []byte(pace)) {
		b.Fatalf("the demo policy lacks %q", pace)
	}
	path := filepath.Join(b.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, bytes.Replace(demo, []byte(pace), []byte(more), 1), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

// watch asks repeatedly for the state of a job, with the parameter wait, until stop is closed.
func (o *overload) watch(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		res, err := o.client.Get(o.url + "/api/v1/backup-jobs/" + o.watched + "?wait=5s")
		if err != nil {
			o.t.Error(err)
			return
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			o.unseen.Add(1)
		}
		select {
		case <-stop:
		case <-time.After(time.Second): // as Retry-After says
		}
	}
}

// submit makes a new submission and counts its answer.
func (o *overload) submit(c *tally) {
	key := fmt.Sprint("overload-", o.sent.Add(1))
	body := strings.Replace(kinds[0].json, "before-upgrade", key, 1) // the name of the job
	r, err := http.NewRequest("POST", o.url+"/api/v1/backup-jobs", strings.NewReader(body))
	if err != nil {
		o.t.Error(err)
		return
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	began := time.Now()
	res, err := o.client.Do(r)
	if err != nil {
		o.t.Error(err)
		return
	}
	answer, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		o.t.Error(err)
		return
	}
	took := time.Since(began)
	overloaded := res.StatusCode == http.StatusServiceUnavailable && bytes.Contains(answer, []byte("problem:overloaded"))
	o.answers.Store(key, submissionAnswer{created: res.StatusCode == http.StatusCreated, refused: overloaded})
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case res.StatusCode == http.StatusCreated:
		c.accepted++
		c.created = append(c.created, took)
	case overloaded:
		c.refused = append(c.refused, took)
		if took > time.Second {
			c.late++
		}
	default:
		c.other++
	}
}

// read asks for the state of the watched job and counts a successful answer.
func (o *overload) read(c *tally) {
	res, err := o.client.Get(o.url + "/api/v1/backup-jobs/" + o.watched)
	if err != nil {
		o.t.Error(err)
		return
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	if res.StatusCode == http.StatusOK {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.reads++
	}
}

// atCapacity sends submissions and reads from 24 clients. Each client sends its next request
// when it has the answer to the one before.
func (o *overload) atCapacity(long time.Duration) *tally {
	c := &tally{}
	began := time.Now()
	var all sync.WaitGroup
	for range 24 {
		all.Go(func() {
			for time.Since(began) < long {
				o.submit(c)
				o.read(c)
			}
		})
	}
	all.Wait()
	c.took = time.Since(began)
	return c
}

// atRate sends submissions at a fixed rate, and as many reads, without waiting for the answers.
func (o *overload) atRate(perSecond float64, long time.Duration) *tally {
	c := &tally{}
	began := time.Now()
	var all sync.WaitGroup
	for n := 0; ; n++ {
		due := time.Duration(float64(n) / perSecond * float64(time.Second))
		if due >= long {
			break
		}
		time.Sleep(time.Until(began.Add(due)))
		all.Go(func() { o.submit(c) })
		all.Go(func() { o.read(c) })
	}
	all.Wait()
	c.took = time.Since(began)
	return c
}

// logged returns a percentile of the times of refusals in the program's log, in milliseconds.
func (o *overload) logged(b *testing.B, percent int) float64 {
	b.Helper()
	file, err := os.Open(o.log)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	var took []int
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var line struct {
			Msg      string
			Status   int
			Duration int `json:"duration_ms"`
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "request" && line.Status == http.StatusServiceUnavailable {
			took = append(took, line.Duration)
		}
	}
	slices.Sort(took)
	if len(took) == 0 {
		return 0
	}
	return float64(took[len(took)*percent/100])
}

// wrong returns the number of submissions with two jobs, of accepted ones without a job, and of
// refused ones with a job. Each submission has a job name of its own.
func (o *overload) wrong(b *testing.B) (n int) {
	b.Helper()
	res, err := o.client.Get(o.cloud + "/_emulator/ledger")
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	var ledger emulator.Ledger
	if err := json.NewDecoder(res.Body).Decode(&ledger); err != nil {
		b.Fatal(err)
	}
	jobs := map[string]int{}
	for _, job := range ledger.Jobs {
		// The name of a job is the given name and the id of the submission.
		name := strings.SplitN(job.Name, "-", 3)
		jobs[strings.Join(name[:min(2, len(name))], "-")]++
	}
	o.answers.Range(func(name, value any) bool {
		made, answer := jobs[name.(string)], value.(submissionAnswer)
		if answer.created && made != 1 || answer.refused && made != 0 || made > 1 {
			n++
		}
		return true
	})
	return n
}

// phases are the counts of all phases of the benchmark with the same rate.
type phases []*tally

// median returns the middle value of figure.
func (p phases) median(figure func(*tally) float64) float64 {
	var all []float64
	for _, c := range p {
		all = append(all, figure(c))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// report writes the metrics of p, the phases with three times as many requests as the portal
// can answer, and compares them with normal, the phases at the portal's capacity.
func (p phases) report(b *testing.B, normal phases) {
	b.Helper()
	kept := func(figure func(*tally) float64) float64 { return 100 * p.median(figure) / normal.median(figure) }
	b.ReportMetric(normal.median((*tally).perSecond), "capacity/s")
	b.ReportMetric(p.median((*tally).perSecond), "at-3x/s")
	b.ReportMetric(kept((*tally).perSecond), "kept-%")
	b.ReportMetric(kept((*tally).allPerSecond), "kept-with-reads-%")
	reads := func(c *tally) float64 { return float64(c.reads) / c.took.Seconds() }
	b.ReportMetric(normal.median(reads), "reads-capacity/s")
	b.ReportMetric(p.median(reads), "reads-at-3x/s")
	early := 0
	for _, c := range normal {
		early += len(c.refused)
	}
	b.ReportMetric(float64(early), "refused-at-capacity")
	var refused []time.Duration
	late, other := 0, 0
	for _, c := range p {
		refused, late, other = append(refused, c.refused...), late+c.late, other+c.other
	}
	b.ReportMetric(float64(len(refused)), "refused")
	b.ReportMetric(float64(late), "refused-late")
	b.ReportMetric(float64(other), "other")
	slices.Sort(refused)
	for _, percent := range []int{50, 99} {
		if n := len(refused); n > 0 {
			took := refused[n*percent/100]
			b.ReportMetric(float64(took.Microseconds())/1000, fmt.Sprintf("refusal-p%d-ms", percent))
		}
	}
}

// loadAverage returns the average number of programs that were ready to run in the last minute,
// or 0 on a system without /proc/loadavg.
func loadAverage() (load float64) {
	text, _ := os.ReadFile("/proc/loadavg") // absent outside Linux
	fmt.Sscan(string(text), &load)
	return load
}
