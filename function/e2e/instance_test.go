package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"backupportal/function/emulator"
	"backupportal/function/emulator/world"
	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/function/store/postgrestest"
)

// A fleet is several processes of the built program as plain servers, with one database and one
// emulated cloud. They use the system clock, so tests wait in real time until an attempt's
// window (the time in which its call may be sent) has passed.
type fleet struct {
	*gate
	t        testing.TB
	endpoint string
	database string
}

// patience is how long a test waits before it fails. It is much longer than an attempt's window
// plus the list lag, which are 90 seconds together.
const patience = 8 * time.Minute

func newFleet(t *testing.T, database string) *fleet {
	t.Helper()
	cloud, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{cloud: cloud}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	return &fleet{gate: g, t: t, endpoint: server.URL, database: database}
}

// takesLong marks a test that waits in real time until an attempt has expired. It skips the
// test in short mode, and otherwise runs it in parallel with others.
func takesLong(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: leaves out tests that wait for real windows to pass")
	}
	t.Parallel()
}

// onBoth runs a test once with PostgreSQL and once with SQLite.
func onBoth(t *testing.T, test func(t *testing.T, database string)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, "sqlite:"+filepath.Join(t.TempDir(), "portal.db"))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		database := postgrestest.Schema(t)
		migrate(t, database)
		test(t, database)
	})
}

// migrate creates the database schema before a process needs it. All tests share one database
// server, and migrations wait for each other. On a busy machine this can take longer than the
// program's time limit for a request.
func migrate(t *testing.T, database string) {
	t.Helper()
	db, err := store.Open(store.Config{URL: secret.New(database), Log: slog.New(slog.DiscardHandler), Now: time.Now, StatementTime: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// An instance is one process of a fleet.
type instance struct {
	url string
	cmd *exec.Cmd
	log *lines
}

// start starts a process with the address of the fleet's database or of a relay to it.
func (f *fleet) start(database string) *instance {
	f.t.Helper()
	path, err := program()
	if err != nil {
		f.t.Fatal(err)
	}
	policy, err := filepath.Abs("../cmd/local/policy.yaml")
	if err != nil {
		f.t.Fatal(err)
	}
	i := &instance{cmd: exec.Command(path), log: &lines{}}
	i.cmd.Env = []string{
		"CLOUD_ENDPOINT=" + f.endpoint, "POLICY_FILE=" + policy, "AUTH_MODE=demo", "ADDR=127.0.0.1:0", "DATABASE_URL=" + database,
		"ALIBABA_CLOUD_ACCESS_KEY_ID=" + world.DemoKey, "ALIBABA_CLOUD_ACCESS_KEY_SECRET=" + world.DemoSecret,
	}
	i.cmd.Stderr = i.log
	out, err := i.cmd.StdoutPipe()
	if err != nil {
		f.t.Fatal(err)
	}
	if err := i.cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		i.kill()
		if f.t.Failed() {
			f.t.Logf("the log of %s:\n%s", i.url, i.log)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "portal ")
	if !ok {
		f.t.Fatalf("the server said %q (error %v)\n%s", line, err, i.log)
	}
	i.url = address
	return i
}

// kill ends the process as `kill -9` does.
func (i *instance) kill() {
	_ = i.cmd.Process.Signal(syscall.SIGCONT) // the process may be stopped by SIGSTOP
	_ = i.cmd.Process.Kill()
	_ = i.cmd.Wait() // the error only says that the process was killed
}

// freeze stops the process with SIGSTOP and returns when the process has stopped.
func (i *instance) freeze(t *testing.T) {
	t.Helper()
	if err := i.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(i.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("the process is in state %v, %v", status, err)
	}
}

// thaw lets a stopped process continue.
func (i *instance) thaw(t *testing.T) {
	t.Helper()
	if err := i.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}

// lines stores the log of a process.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
	at  []watch
}

type watch struct {
	words string
	seen  chan struct{}
}

// Write implements [io.Writer].
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, w := range l.at {
		if bytes.Contains(b, []byte(w.words)) {
			close(w.seen)
			l.at = append(l.at[:i], l.at[i+1:]...)
			break
		}
	}
	return l.all.Write(b)
}

// when returns a channel that is closed at the next write to the log that contains the words.
// Earlier writes do not count.
func (l *lines) when(words string) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := watch{words, make(chan struct{})}
	l.at = append(l.at, w)
	return w.seen
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// within waits until a channel is closed. It fails the test after a time limit.
func within(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("%s: not within %v", what, patience)
	}
}

// A reply is a process's answer to a submission.
type reply struct {
	status   int // 0 if there was no answer
	retry    time.Duration
	replayed bool
	JobID    string
	body     string
}

// final reports whether the answer has the result of the submission.
func (r reply) final() bool { return r.status == http.StatusCreated || r.status == http.StatusOK }

// oneBackup is a backup in another account, so that the portal assumes a role before it calls
// CreateBackupJob.
const oneBackup = `{"Account":"payments","Region":"cn-hangzhou","InstanceId":"i-bp2demopay01","Retention":7}`

// submit sends oneBackup to the JSON API with the idempotency key key.
func (i *instance) submit(t *testing.T, key string) reply {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.url+"/api/v1/backup-jobs", strings.NewReader(oneBackup))
	if err != nil {
		t.Error(err)
		return reply{}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return reply{}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return reply{}
	}
	answer := reply{status: res.StatusCode, replayed: res.Header.Get("Idempotent-Replayed") == "true", body: string(body)}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Errorf("%s: %v: %s", res.Status, err, body)
	}
	if n, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
		answer.retry = time.Duration(n) * time.Second
	}
	return answer
}

// submitStarted submits until the answer is not 503. On a busy machine the database may answer
// too late. Status 503 says that nothing was started and that the client must send the same
// request again.
func (i *instance) submitStarted(t *testing.T, key string) reply {
	for end := time.Now().Add(patience); ; {
		answer := i.submit(t, key)
		if answer.status != http.StatusServiceUnavailable || !time.Now().Before(end) {
			return answer
		}
		if answer.retry == 0 {
			t.Errorf("%s: 503 without Retry-After: %s", key, answer.body)
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-t.Context().Done():
			return reply{}
		}
	}
}

// submitUntilGone submits again until the answer is final, or until there is no answer because
// the process was killed. On a busy machine the database may answer too late to the first
// requests. Then nothing was sent to the cloud, but the portal can decide that only after the
// attempt's window.
func (i *instance) submitUntilGone(t *testing.T, key string) reply {
	for end := time.Now().Add(patience); ; {
		answer := i.submit(t, key)
		if answer.status == 0 || answer.final() || !time.Now().Before(end) {
			return answer
		}
		select {
		case <-time.After(max(answer.retry, 100*time.Millisecond)):
		case <-t.Context().Done():
			return reply{}
		}
	}
}

// insist submits again, after the time that each answer states, until an answer is final. It
// calls seen, unless that is nil, with each answer that is not final. The test fails after
// [patience].
func (i *instance) insist(t *testing.T, key string, seen func(reply)) reply {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		answer := i.submit(t, key)
		if answer.final() {
			return answer
		}
		if seen != nil {
			seen(answer)
		}
		if answer.status != 0 && answer.retry == 0 {
			t.Errorf("%s: %d without Retry-After: %s", key, answer.status, answer.body)
		}
		select {
		case <-time.After(min(max(answer.retry, 100*time.Millisecond), 5*time.Second)):
		case <-t.Context().Done():
			return reply{}
		}
	}
	t.Errorf("%s: no final answer within %v", key, patience)
	return reply{}
}

// oneJob checks that the cloud made exactly one job, and that the answer contains the id of this
// job.
func (f *fleet) oneJob(answer reply) {
	f.t.Helper()
	jobs := f.cloud.Ledger().Jobs
	if len(jobs) != 1 || jobs[0].ID != answer.JobID {
		f.t.Errorf("the cloud has %s, the answer %+v", fmt.Sprint(jobs), answer)
	}
}

// sent returns the number of calls of CreateBackupJob that reached the cloud.
func (f *fleet) sent() int { return len(f.cloud.Ledger().CallsOf("CreateBackupJob")) }
