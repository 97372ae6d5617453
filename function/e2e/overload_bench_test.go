package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"backupportal/function/emulator"
)

// BenchmarkOverload sends submissions and reads to the built program while 200 watchers wait for a
// job. It measures the submissions that succeed per second at the program's capacity, and then at
// three times that rate. The phases alternate, because other programs may use the machine too.
//
//	kept-%             the rate of submissions under overload, in percent of the rate at capacity
//	kept-with-reads-%  the same for submissions and reads together
//	refusal-p50-ms     time of a refusal at the client, with waits for a processor: the clients, the
//	refusal-p99-ms     cloud and the database share the machine with the program
//	logged-p99-ms      time of a refusal in the program's log
//	lost               accepted submissions without a job, and jobs without an accepted submission
func BenchmarkOverload(b *testing.B) {
	benchBoth(b, func(b *testing.B, database string) {
		for b.Loop() {
			o := newOverload(b, database)
			o.atCapacity(&tally{}, time.Second) // opens the connections before the measurement
			normal, heavy := &tally{}, &tally{}
			for range 3 {
				o.atCapacity(normal, 3*time.Second)
				o.atRate(heavy, 3*normal.perSecond(), 4*time.Second)
			}
			heavy.report(b, normal)
			b.ReportMetric(o.logged(b, 99), "logged-p99-ms")
			b.ReportMetric(float64(o.lost()), "lost")
		}
	})
}

// An overload is the built program under load.
type overload struct {
	t        testing.TB
	cloud    *emulator.Cloud
	url      string
	log      string // path of the program's log
	client   *http.Client
	watched  string // id of the submission that is watched and read
	sent     atomic.Int64
	accepted sync.Map // keys of the submissions with the answer 201
	unsure   atomic.Int64
}

// A tally counts the answers to submissions in the phases of one kind.
type tally struct {
	mu       sync.Mutex
	took     time.Duration
	accepted int
	reads    int             // successful reads
	late     int             // refused, 503 after more than a second
	other    int             // neither accepted nor refused
	refused  []time.Duration // how long each refusal took
}

func (c *tally) perSecond() float64 { return float64(c.accepted) / c.took.Seconds() }

func (c *tally) allPerSecond() float64 { return float64(c.accepted+c.reads) / c.took.Seconds() }

func newOverload(b *testing.B, database string) *overload {
	b.Helper()
	cloud, err := emulator.New(emulator.Options{})
	if err != nil {
		b.Fatal(err)
	}
	endpoint := httptest.NewServer(cloud)
	b.Cleanup(endpoint.Close)
	o := &overload{t: b, cloud: cloud}
	o.url, o.log = startPortal(b, endpoint.URL, database)
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

// watch asks again and again for the state of a job, with ?wait, until stop is closed.
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
		select {
		case <-stop:
		case <-time.After(time.Second): // as Retry-After says
		}
	}
}

// submit makes a new submission and counts its answer.
func (o *overload) submit(c *tally) {
	key := fmt.Sprint("overload-", o.sent.Add(1))
	r, err := http.NewRequest("POST", o.url+"/api/v1/backup-jobs", strings.NewReader(kinds[0].json))
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
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	took := time.Since(began)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case res.StatusCode == http.StatusCreated:
		o.accepted.Store(key, true)
		c.accepted++
	case res.StatusCode == http.StatusServiceUnavailable:
		c.refused = append(c.refused, took)
		if took > time.Second {
			c.late++
		}
	default:
		o.unsure.Add(1)
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

// atCapacity sends submissions and reads from 24 clients, each of which sends the next request when
// it has the answer to the last.
func (o *overload) atCapacity(c *tally, long time.Duration) {
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
	c.took += time.Since(began)
}

// atRate sends submissions at a rate, and as many reads, without waiting for the answers.
func (o *overload) atRate(c *tally, perSecond float64, long time.Duration) {
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
	c.took += time.Since(began)
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

// lost returns the number of accepted submissions without a job, and of jobs that no submission
// accounts for.
func (o *overload) lost() int {
	accepted := 0
	o.accepted.Range(func(any, any) bool { accepted++; return true })
	jobs := len(o.cloud.Ledger().Jobs) - 1 // without the watched one
	return max(accepted-jobs, 0) + max(jobs-accepted-int(o.unsure.Load()), 0)
}

// report writes what happened at three times the rate of normal.
func (c *tally) report(b *testing.B, normal *tally) {
	b.Helper()
	b.ReportMetric(normal.perSecond(), "capacity/s")
	b.ReportMetric(c.perSecond(), "at-3x/s")
	b.ReportMetric(100*c.perSecond()/normal.perSecond(), "kept-%")
	b.ReportMetric(100*c.allPerSecond()/normal.allPerSecond(), "kept-with-reads-%")
	b.ReportMetric(float64(len(c.refused)), "refused")
	b.ReportMetric(float64(c.late), "refused-late")
	b.ReportMetric(float64(c.other), "other")
	slices.Sort(c.refused)
	for _, percent := range []int{50, 99} {
		if n := len(c.refused); n > 0 {
			took := c.refused[n*percent/100]
			b.ReportMetric(float64(took.Microseconds())/1000, fmt.Sprintf("refusal-p%d-ms", percent))
		}
	}
}
