package e2e

import (
	"database/sql"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	"backupportal/function/store/postgrestest"
)

// TestConcurrentDuplicatesMakeOneJob proves that 64 simultaneous requests with one idempotency
// key start one job: with two processes on one PostgreSQL database, and with one process on
// SQLite.
func TestConcurrentDuplicatesMakeOneJob(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		f := newFleet(t, database)
		processes := []*instance{f.start(database)}
		if strings.HasPrefix(database, "postgres") {
			processes = append(processes, f.start(database))
		}
		const many = 64
		answers := make([]reply, many)
		var all sync.WaitGroup
		for n := range answers {
			all.Go(func() { answers[n] = processes[n%len(processes)].submitStarted(t, "one-key") })
		}
		all.Wait()
		last := processes[0].insist(t, "one-key", nil)
		f.oneJob(last)
		count := map[int]int{}
		for _, answer := range answers {
			count[answer.status]++
			switch answer.status {
			case http.StatusCreated, http.StatusOK:
				if answer.JobID != last.JobID || (answer.status == http.StatusOK) != answer.replayed {
					t.Errorf("got %+v, want job %s", answer, last.JobID)
				}
			case http.StatusConflict:
				if answer.retry == 0 {
					t.Errorf("409 without Retry-After")
				}
			default:
				t.Errorf("got %+v", answer)
			}
		}
		t.Logf("statuses: %v", count)
		if count[http.StatusCreated] != 1 || f.sent() != 1 {
			t.Errorf("%d answers say that they made it, of %d calls", count[http.StatusCreated], f.sent())
		}
	})
}

// TestKilledProcessMakesOneJob proves that one job is started although a process is killed:
// after it stored the attempt, after it sent the call, or after it received the answer. A
// second process then gets the same request.
func TestKilledProcessMakesOneJob(t *testing.T) {
	takesLong(t)
	for _, c := range []struct {
		name   string
		action string // operation of the cloud during whose request the process is killed
		after  bool   // the cloud has executed the request before the process is killed
		record bool   // the process has received the answer before it is killed
	}{
		{"before sending", "AssumeRole", false, false},
		{"after sending", "CreateBackupJob", true, false},
		{"before recording", "CreateBackupJob", true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, database string) {
				f := newFleet(t, database)
				through, block := stopWrites(t, database)
				doomed := f.start(through)
				held, answered := f.hold(c.action, c.after), doomed.log.when("job created")
				done := make(chan reply, 1)
				go func() { done <- doomed.submitUntilGone(t, "one-key") }()
				within(t, "the request at the cloud", held)
				unblock := func() {}
				if c.record {
					unblock = block()
					f.release()
					within(t, "the answer of the cloud", answered)
				}
				doomed.kill()
				unblock()
				if answer := <-done; answer.status != 0 {
					t.Fatalf("it was answered before it died: %+v", answer)
				}
				sent := f.sent()
				if want := map[bool]int{true: 1, false: 0}[c.after]; sent != want {
					t.Fatalf("%d calls were made before it died, want %d", sent, want)
				}
				next := f.start(database)
				first := next.submitStarted(t, "one-key")
				if first.status != http.StatusConflict || f.sent() != sent {
					t.Errorf("inside the window: %+v, %d calls", first, f.sent())
				}
				f.oneJob(next.insist(t, "one-key", nil))
				if f.sent() != 1 {
					t.Errorf("%d calls were made in all", f.sent())
				}
			})
		})
	}
}

// stopWrites returns the address of a relay to the database. The function block stops all
// writes through the relay, until the function that it returns is called.
func stopWrites(t *testing.T, database string) (through string, block func() (unblock func())) {
	t.Helper()
	path, isFile := strings.CutPrefix(database, "sqlite:")
	if !isFile {
		relay := postgrestest.NewRelay(t, database, 1)
		return relay.Through(t, database), func() func() {
			relay.Hold()
			return relay.Cut
		}
	}
	return database, func() func() {
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		db.SetMaxOpenConns(1)
		if _, err := db.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
			t.Fatal(err)
		}
		return sync.OnceFunc(func() { db.Close() })
	}
}

// TestFrozenProcessMakesNoSecondJob stops a process, as a platform freezes an instance, for
// longer than its attempt's window. Another process completes the submission meanwhile. When
// the stopped process continues, it must send no call and must not change the record.
func TestFrozenProcessMakesNoSecondJob(t *testing.T) {
	takesLong(t)
	for _, c := range []struct {
		name   string
		action string
		after  bool
	}{
		{"before sending", "AssumeRole", false},
		{"after sending", "CreateBackupJob", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, database string) {
				f := newFleet(t, database)
				frozen, other := f.start(database), f.start(database)
				held := f.hold(c.action, c.after)
				done := make(chan reply, 1)
				go func() { done <- frozen.submitUntilGone(t, "one-key") }()
				within(t, "the request at the cloud", held)
				frozen.freeze(t)
				f.release() // the answer stays in the socket of the frozen process
				finished := other.insist(t, "one-key", nil)
				f.oneJob(finished)
				frozen.thaw(t)
				if late := <-done; late.final() && late.JobID != finished.JobID {
					t.Errorf("the frozen one answered %+v, the other %+v", late, finished)
				}
				if again := frozen.insist(t, "one-key", nil); again.JobID != finished.JobID || !again.replayed {
					t.Errorf("then %+v, after %+v", again, finished)
				}
				f.oneJob(finished)
				if f.sent() != 1 {
					t.Errorf("%d calls were made in all", f.sent())
				}
			})
		})
	}
}

// TestDatabaseCrashUnderLoad tests a database that crashes under load and restarts. While it is
// down, the portal starts no backups, and its answers say when to try again. Afterwards every
// submission has exactly one job, and its answers contain the id of this job.
func TestDatabaseCrashUnderLoad(t *testing.T) {
	takesLong(t)
	server := postgrestest.Start(t)
	database := server.Schema(t)
	f := newFleet(t, database)
	processes := []*instance{f.start(database), f.start(database)}
	const clients, each = 8, 25
	var mu sync.Mutex
	told, answered, away := map[string]string{}, make(chan struct{}), make(chan struct{})
	afterSome := sync.OnceFunc(func() { close(answered) })
	someAway := sync.OnceFunc(func() { close(away) })
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for n := range each {
				key := fmt.Sprintf("key-%d-%d", c, n)
				answer := processes[n%2].insist(t, key, func(r reply) {
					if r.status == http.StatusServiceUnavailable {
						someAway()
					}
				})
				mu.Lock()
				told[key] = answer.JobID
				if len(told) == clients*each/4 {
					afterSome()
				}
				mu.Unlock()
			}
		})
	}
	within(t, "some answers", answered)
	server.Stop(t, syscall.SIGQUIT)
	within(t, "a 503 while the database is away", away)
	server.Resume(t)
	all.Wait()

	jobs := map[string]int{}
	for _, job := range f.cloud.Ledger().Jobs {
		jobs[job.ID]++
	}
	if len(jobs) != clients*each || len(told) != clients*each {
		t.Errorf("%d jobs and %d answers for %d submissions", len(jobs), len(told), clients*each)
	}
	for key, job := range told {
		if jobs[job] != 1 {
			t.Errorf("%s was told of job %q, which the cloud has %d times", key, job, jobs[job])
		}
		// If the portal could not store a job, it finds the job in the cloud's list after the
		// list lag, the longest time for which a new job can be missing there.
		if again := processes[0].insist(t, key, nil); again.JobID != job || !again.replayed {
			t.Errorf("%s was told of job %q, and now %+v", key, job, again)
		}
	}
}
