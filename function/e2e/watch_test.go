package e2e

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"backupportal/function/emulator"
	"backupportal/function/emulator/world"
)

// watchers is the number of clients that watch one job. pagePace is how often a page asks about
// a young job; it is also the shortest time between two calls of the portal to the cloud about
// a job.
const (
	watchers = 200
	pagePace = 5 * time.Second
)

// A crowd is a group of watchers that watch one running job through several processes with one
// database. Half of the watchers behave as pages, half as programs.
type crowd struct {
	Database    string
	Processes   int
	JobDuration time.Duration
	PortalClock func() time.Time
	CloudClock  func() time.Time

	cloud    *emulator.Cloud
	watchers []*watcher
}

// gather starts the portal, the job and the watchers of the crowd.
func (c *crowd) gather(t testing.TB) {
	t.Helper()
	exists := world.Demo()
	exists.JobDuration = c.JobDuration
	cloud, err := emulator.New(emulator.Options{World: exists, Now: c.CloudClock})
	if err != nil {
		t.Fatal(err)
	}
	c.cloud = cloud
	endpoint := httptest.NewServer(cloud)
	t.Cleanup(endpoint.Close)
	var servers []string
	for range c.Processes {
		p := connect(t, endpoint.URL, io.Discard, "DATABASE_URL", c.Database)
		p.Service.Now = c.PortalClock
		server := httptest.NewServer(p.Handlers.Web)
		t.Cleanup(server.Close)
		servers = append(servers, server.URL)
	}
	id := startJob(t, servers[0])
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: watchers}}
	t.Cleanup(client.CloseIdleConnections)
	for n := range watchers {
		w := &watcher{client: client, url: servers[n/2%len(servers)] + "/backups/" + id + "?part=live"}
		if w.program = n%2 == 1; w.program {
			w.url = servers[n/2%len(servers)] + "/api/v1/backup-jobs/" + id
		}
		c.watchers = append(c.watchers, w)
	}
}

// startJob makes a submission and returns the submission's id.
func startJob(t testing.TB, server string) string {
	t.Helper()
	const backup = `{"Account":"demo","Region":"cn-hangzhou","InstanceId":"i-bp1demoweb01","Retention":7}`
	r, err := http.NewRequestWithContext(t.Context(), "POST", server+"/api/v1/backup-jobs", strings.NewReader(backup))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", rand.Text())
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct{ SubmissionID string }
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || res.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %v", res.Status, err)
	}
	return answer.SubmissionID
}

// look makes every watcher ask once for the state of the job, all at the same time.
func (c *crowd) look(t testing.TB) {
	t.Helper()
	var all sync.WaitGroup
	for _, w := range c.watchers {
		all.Go(func() { w.look(t) })
	}
	all.Wait()
}

// A watcher asks repeatedly for the state of a job, either as the page's script does or as a
// program.
type watcher struct {
	client  *http.Client
	url     string
	program bool
	tag     string    // ETag of the last answer
	seen    []picture // every answer that differed from the previous answer
}

// A picture is the state of a job as one answer showed it.
type picture struct {
	state   string
	percent int // -1 if the answer has none
}

// look asks for the state of the job and stores it if it is new. If the portal is overloaded,
// it asks again: of 200 simultaneous requests on a busy machine, some may wait for the database
// for longer than its statement timeout. It is safe for concurrent use.
func (w *watcher) look(t testing.TB) {
	for end := time.Now().Add(patience); w.lookOnce(t, time.Now().After(end)); {
		time.Sleep(50 * time.Millisecond) // otherwise the refused requests take the processors
	}
}

// lookOnce makes one request for look. It reports whether look must ask again. If last is true,
// look cannot ask again.
func (w *watcher) lookOnce(t testing.TB, last bool) (again bool) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url, nil)
	if err != nil {
		t.Error(err)
		return false
	}
	if w.tag != "" {
		r.Header.Set("If-None-Match", w.tag)
	}
	res, err := w.client.Do(r)
	if err != nil {
		t.Error(err)
		return false
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		t.Error(err)
	case res.StatusCode == http.StatusNotModified && w.tag != "":
	case res.StatusCode == http.StatusServiceUnavailable && !last:
		return true
	case res.StatusCode != http.StatusOK:
		t.Errorf("%s: %s %s", w.url, res.Status, body)
	default:
		w.tag = res.Header.Get("ETag")
		if now := w.read(t, body); len(w.seen) == 0 || w.seen[len(w.seen)-1] != now {
			w.seen = append(w.seen, now)
		}
	}
	return false
}

var (
	stateOnPage   = regexp.MustCompile(`data-state="([A-Z_]+)"`)
	percentOnPage = regexp.MustCompile(`<progress max="100" value="([0-9]+)"`)
)

func (w *watcher) read(t testing.TB, body []byte) picture {
	now := picture{percent: -1}
	if w.program {
		var job struct {
			Status   string
			Progress *int
		}
		if err := json.Unmarshal(body, &job); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		if now.state = job.Status; job.Progress != nil {
			now.percent = *job.Progress / 100
		}
		return now
	}
	if m := stateOnPage.FindSubmatch(body); m != nil {
		now.state = string(m[1])
	}
	if m := percentOnPage.FindSubmatch(body); m != nil {
		now.percent, _ = strconv.Atoi(string(m[1])) // the pattern matches only digits
	}
	return now
}

// TestWatchersShareOneCallInFiveSeconds proves that the portal asks the cloud about a job only
// once in five seconds, although 200 clients ask the portal every second. Every client sees the
// progress and the end of the job.
func TestWatchersShareOneCallInFiveSeconds(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		begin, turned := realClock().Truncate(time.Millisecond), atomic.Int64{}
		clock := func() time.Time { return begin.Add(time.Duration(turned.Load())) }
		c := &crowd{Database: database, Processes: 1, JobDuration: 12 * time.Second, PortalClock: clock, CloudClock: clock}
		if strings.HasPrefix(database, "postgres") {
			c.Processes = 2
		}
		c.gather(t)
		for range 17 {
			c.look(t)
			turned.Add(int64(time.Second))
		}
		asked := c.cloud.Ledger().CallsOf("DescribeBackupJobs2")
		for i := 1; i < len(asked); i++ {
			if gap := asked[i].Time.Sub(asked[i-1].Time); gap < pagePace {
				t.Errorf("the cloud was asked again after %v", gap)
			}
		}
		// The portal calls the cloud at 0, 5, 10 and 15 s; the job ends at 15 s.
		if len(asked) != 4 {
			t.Errorf("the cloud was asked %d times, want 4", len(asked))
		}
		for _, w := range c.watchers {
			w.check(t)
		}
	})
}

// check checks all pictures that a watcher saw: the progress never goes back, and the last picture
// shows the end of the job.
func (w *watcher) check(t *testing.T) {
	t.Helper()
	last := w.seen[len(w.seen)-1]
	running := slices.DeleteFunc(slices.Clone(w.seen), func(p picture) bool { return p.state != "RUNNING" })
	forward := slices.IsSortedFunc(running, func(a, b picture) int { return a.percent - b.percent })
	if last.state != "COMPLETE" || len(running) < 2 || !forward {
		t.Errorf("%s saw %v", w.url, w.seen)
	}
}

// realClock returns the wall clock time without the monotonic clock reading.
func realClock() time.Time { return time.Now().Round(0) }
