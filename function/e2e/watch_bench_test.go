package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"backupportal/function/store/postgrestest"
)

// BenchmarkWatchers measures how long each of 200 watchers of a running job waits for an answer. In
// "paced" the watchers ask at the page's interval, evenly distributed. In "burst" all watchers ask
// at once, at a time at which the portal must also ask the cloud. One watcher's time then includes
// the call to the cloud. Both compare the times with requests to a bare server.
func BenchmarkWatchers(b *testing.B) {
	benchBoth(b, func(b *testing.B, database string) {
		b.Run("paced", func(b *testing.B) { benchPaced(b, database) })
		b.Run("burst", func(b *testing.B) { benchBurst(b, database) })
	})
}

// benchBoth runs a benchmark once with PostgreSQL and once with SQLite.
func benchBoth(b *testing.B, bench func(b *testing.B, database string)) {
	b.Run("SQLite", func(b *testing.B) { bench(b, "sqlite:"+filepath.Join(b.TempDir(), "portal.db")) })
	b.Run("PostgreSQL", func(b *testing.B) { bench(b, postgrestest.Start(b).Schema(b)) })
}

// benchPaced measures three requests of each watcher per iteration, because fewer requests would
// have no 99th percentile. Each measured time starts at the time at which the request was due.
func benchPaced(b *testing.B, database string) {
	c := &crowd{Database: database, Processes: 1, JobDuration: 10 * time.Minute, PortalClock: realClock, CloudClock: realClock}
	c.gather(b)
	c.look(b) // opens the connections before the measurement
	bare := bareWatchers(b)
	const looks = 3
	var ours, theirs []time.Duration
	for b.Loop() {
		start := time.Now()
		took, bareTook := make([]time.Duration, looks*watchers), make([]time.Duration, looks*watchers)
		var all sync.WaitGroup
		for n, w := range c.watchers {
			all.Go(func() {
				for i := n; i < looks*watchers; i += watchers {
					due := start.Add(time.Duration(i) * pagePace / watchers)
					time.Sleep(time.Until(due))
					w.look(b)
					answered := time.Now()
					bare[n].look(b)
					took[i], bareTook[i] = answered.Sub(due), time.Since(answered)
				}
			})
		}
		all.Wait()
		ours, theirs = append(ours, took...), append(theirs, bareTook...)
	}
	report(b, ours, theirs)
}

func benchBurst(b *testing.B, database string) {
	var turned atomic.Int64
	clock := func() time.Time { return realClock().Add(time.Duration(turned.Load())) }
	c := &crowd{Database: database, Processes: 1, JobDuration: 10 * time.Minute, PortalClock: clock, CloudClock: realClock}
	c.gather(b)
	c.look(b) // opens the connections before the measurement
	bare := bareWatchers(b)
	var ours, theirs []time.Duration
	for b.Loop() {
		turned.Add(int64(pagePace))
		ours = append(ours, burst(b, c.watchers)...)
		theirs = append(theirs, burst(b, bare)...)
	}
	report(b, ours, theirs)
}

// burst lets all watchers ask at once and returns how long each watcher waited.
func burst(b *testing.B, all []*watcher) []time.Duration {
	took := make([]time.Duration, len(all))
	var ready, busy sync.WaitGroup
	now := make(chan struct{})
	for n, w := range all {
		ready.Add(1)
		busy.Go(func() {
			ready.Done()
			<-now
			start := time.Now()
			w.look(b)
			took[n] = time.Since(start)
		})
	}
	ready.Wait()
	close(now)
	busy.Wait()
	return took
}

// bareWatchers returns watchers of a bare server, which sends the shortest answer that a watcher
// can read.
func bareWatchers(b *testing.B) []*watcher {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") }))
	b.Cleanup(server.Close)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: watchers}}
	b.Cleanup(client.CloseIdleConnections)
	all := make([]*watcher, watchers)
	for n := range all {
		all[n] = &watcher{client: client, url: server.URL, program: true}
		all[n].look(b)
	}
	return all
}

// report writes percentiles of the portal's times, and their ratio to the percentiles of the bare
// server.
func report(b *testing.B, ours, theirs []time.Duration) {
	b.Helper()
	slices.Sort(ours)
	slices.Sort(theirs)
	for _, percent := range []int{50, 99} {
		at := len(ours) * percent / 100
		b.ReportMetric(float64(ours[at].Microseconds())/1000, fmt.Sprintf("p%d-ms", percent))
		b.ReportMetric(float64(ours[at])/float64(theirs[len(theirs)*percent/100]), fmt.Sprintf("p%d-x-bare", percent))
	}
}
