package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"backupportal/function/emulator"
	"backupportal/function/emulator/world"
	"backupportal/function/store/postgrestest"
)

// BenchmarkBatch starts a batch of 1,000 targets on four instances with one PostgreSQL database. The cloud takes
// 50 ms for each call, accepts 200 jobs a second, and loses 5 % of the answers. Three of the instances are killed on the way.
// BATCH_TARGETS and BATCH_RATE change the numbers.
//
//	ideal-ratio    time until no item waits, divided by targets / rate
//	throttled-%    calls that the cloud refused because there were too many
//	twice          targets with two jobs, or without a job, after the end of the batch
//	peak-MiB       the largest resident memory of an instance
//	load           the machine's load average in the last minute
func BenchmarkBatch(b *testing.B) {
	for b.Loop() {
		targets, rate := numberFrom("BATCH_TARGETS", 1000), numberFrom("BATCH_RATE", 200)
		c := newBatchCloud(b, targets, rate)
		fleet := c.start(b, 4)
		began := time.Now()
		id := c.create(b, fleet[3], targets, rate)
		ideal := time.Duration(targets) * time.Second / time.Duration(rate)
		for i := range 3 {
			time.Sleep(ideal / 8)
			c.peak(b, fleet[i])
			fleet[i].kill()
		}
		c.until(b, fleet[3], id, func(left batchCounts) bool { return left.Counts["waiting"]+left.Counts["starting"] == 0 })
		b.ReportMetric(time.Since(began).Seconds()/ideal.Seconds(), "ideal-ratio")
		b.ReportMetric(c.throttledPercent(), "throttled-%")
		c.until(b, fleet[3], id, func(left batchCounts) bool { return left.Outcome != "running" })
		c.peak(b, fleet[3])
		b.ReportMetric(float64(c.wrong(targets)), "twice")
		b.ReportMetric(c.most, "peak-MiB")
		b.ReportMetric(loadAverage(), "load")
	}
}

// BenchmarkBatchResumed starts a batch of 10,000 targets on four instances with one PostgreSQL database, kills all of them when
// 3,000 items were started, and starts four others. BATCH_TARGETS changes the number.
//
//	items/s    started items per second, without the time in which no instance ran
//	twice      targets with two jobs, or without a job, after the end of the batch
//	peak-MiB   the largest resident memory of an instance
func BenchmarkBatchResumed(b *testing.B) {
	for b.Loop() {
		targets := numberFrom("BATCH_TARGETS", 10_000)
		c := newBatchCloud(b, targets, 1000)
		fleet := c.start(b, 4)
		began := time.Now()
		id := c.create(b, fleet[0], targets, 1000)
		left := c.until(b, fleet[0], id, func(left batchCounts) bool { return left.Counts["waiting"] < targets*7/10 })
		took := time.Since(began)
		for _, i := range fleet {
			c.peak(b, i)
			i.kill()
		}
		fleet = c.start(b, 4)
		began = time.Now()
		c.until(b, fleet[0], id, func(left batchCounts) bool { return left.Counts["waiting"]+left.Counts["starting"] == 0 })
		took += time.Since(began)
		b.ReportMetric(float64(targets)/took.Seconds(), "items/s")
		c.until(b, fleet[0], id, func(left batchCounts) bool { return left.Outcome != "running" })
		for _, i := range fleet {
			c.peak(b, i)
		}
		if left.Total != targets {
			b.Errorf("total %d", left.Total)
		}
		b.ReportMetric(float64(c.wrong(targets)), "twice")
		b.ReportMetric(c.most, "peak-MiB")
		b.ReportMetric(loadAverage(), "load")
	}
}

// numberFrom returns a number from the environment, or otherwise.
func numberFrom(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// A batchCloud is the emulator behind a slow network and a limit of CreateBackupJob.
type batchCloud struct {
	cloud    *emulator.Cloud
	endpoint string
	database string
	most     float64 // MiB

	mu        sync.Mutex
	perSecond float64
	tokens    float64
	filled    time.Time
	calls     int
	throttled int
}

// atOnce is how many calls the cloud accepts at once.
const atOnce = 20

// newBatchCloud returns a cloud with a number of instances that accepts perSecond jobs in a second.
func newBatchCloud(b *testing.B, targets, perSecond int) *batchCloud {
	b.Helper()
	exists := world.Demo()
	exists.JobDuration = 2 * time.Second
	own := &exists.Accounts[0]
	for n := range targets {
		own.Instances = append(own.Instances, world.Instance{
			ID: target(n), Name: target(n), Region: "cn-hangzhou", OS: "linux", Tags: map[string]string{"team": "web"},
			Disks: []world.Disk{{ID: fmt.Sprintf("d-bench%05d", n), Category: "cloud_essd", Type: "system", GiB: 40}},
		})
	}
	cloud, err := emulator.New(emulator.Options{World: exists})
	if err != nil {
		b.Fatal(err)
	}
	if err := cloud.SetFaults("CreateBackupJob: drop-after 5% forever; seed 5"); err != nil {
		b.Fatal(err)
	}
	c := &batchCloud{cloud: cloud, perSecond: float64(perSecond), tokens: atOnce, filled: time.Now(), database: postgrestest.Schema(b)}
	server := httptest.NewServer(c)
	b.Cleanup(server.Close)
	c.endpoint = server.URL
	return c
}

// target returns the id of instance n.
func target(n int) string { return fmt.Sprintf("i-bench%05d", n) }

// ServeHTTP answers after 50 ms. It refuses CreateBackupJob above the rate, as the gateway does.
func (c *batchCloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	time.Sleep(50 * time.Millisecond)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if (strings.Contains(r.URL.RawQuery, "Action=CreateBackupJob") || bytes.Contains(body, []byte("Action=CreateBackupJob"))) && !c.accepts() {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"Code":"Throttling.User","Message":"Request was denied due to user flow control.","RequestId":"R-1"}`)
		return
	}
	c.cloud.ServeHTTP(w, r)
}

// accepts reports whether a call of CreateBackupJob is within the rate.
func (c *batchCloud) accepts() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	now := time.Now()
	c.tokens = min(atOnce, c.tokens+now.Sub(c.filled).Seconds()*c.perSecond)
	c.filled = now
	if c.tokens < 1 {
		c.throttled++
		return false
	}
	c.tokens--
	return true
}

// throttledPercent returns the part of the calls that were refused.
func (c *batchCloud) throttledPercent() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return 100 * float64(c.throttled) / float64(max(c.calls, 1))
}

// start starts n instances.
func (c *batchCloud) start(b *testing.B, n int) (all []*instance) {
	b.Helper()
	f := &fleet{t: b, endpoint: c.endpoint, database: c.database}
	for range n {
		all = append(all, f.start(c.database))
	}
	for _, i := range all {
		c.get(b, i.url+"/readyz", nil)
	}
	return all
}

// create creates a batch of all targets and returns its id.
func (c *batchCloud) create(b *testing.B, at *instance, targets, rate int) string {
	b.Helper()
	ids := make([]string, targets)
	for n := range ids {
		ids[n] = target(n)
	}
	body, err := json.Marshal(map[string]any{
		"Account": "demo", "Region": "cn-hangzhou", "Retention": 7, "Targets": ids, "Rate": fmt.Sprintf("%d/s", rate),
	})
	if err != nil {
		b.Fatal(err)
	}
	r, err := http.NewRequest("POST", at.url+"/api/v1/backup-batches", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", "bench")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	var made struct{ BatchId string }
	if err := json.NewDecoder(res.Body).Decode(&made); err != nil || res.StatusCode != http.StatusCreated {
		b.Fatalf("created with %d, %v", res.StatusCode, err)
	}
	return made.BatchId
}

// A batchCounts is the part of a batch that the benchmark reads.
type batchCounts struct {
	Outcome string
	Total   int
	Counts  map[string]int
}

// until reads the batch until done is true.
func (c *batchCloud) until(b *testing.B, at *instance, id string, done func(batchCounts) bool) batchCounts {
	b.Helper()
	for began := time.Now(); time.Since(began) < patience; time.Sleep(20 * time.Millisecond) {
		var left batchCounts
		c.get(b, at.url+"/api/v1/backup-batches/"+id+"?limit=0", &left)
		if done(left) {
			return left
		}
	}
	b.Fatal("the batch does not end")
	return batchCounts{}
}

// get reads a JSON answer into v, unless v is nil.
func (c *batchCloud) get(b *testing.B, url string, v any) {
	b.Helper()
	res, err := http.Get(url)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		b.Fatalf("%s: %d %s, %v", url, res.StatusCode, body, err)
	}
	if v != nil {
		if err := json.Unmarshal(body, v); err != nil {
			b.Fatal(err)
		}
	}
}

// wrong returns how many targets do not have exactly one job.
func (c *batchCloud) wrong(targets int) (n int) {
	jobs := map[string]int{}
	for _, j := range c.cloud.Ledger().Jobs {
		jobs[j.InstanceID]++
	}
	for i := range targets {
		if jobs[target(i)] != 1 {
			n++
		}
	}
	return n
}

// peak notes the largest resident memory of an instance.
func (c *batchCloud) peak(b *testing.B, i *instance) {
	b.Helper()
	c.most = max(c.most, peakMemory(b, i.cmd.Process.Pid))
}
