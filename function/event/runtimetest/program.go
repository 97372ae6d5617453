package runtimetest

import (
	"bytes"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// program is the running function and the API it polls.
type program struct {
	api    *api
	server *httptest.Server
	cmd    *exec.Cmd
	ended  chan struct{}
	output log
}

// startProgram starts path with env and no other variable. When the test ends,
// so does the program, and only then its API: without one the FC SDK polls in a
// loop without pause.
func startProgram(t testing.TB, a *api, prefix, path string, env func(host string) []string) *program {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	p := &program{api: a, server: httptest.NewServer(a.handler(prefix)), ended: make(chan struct{})}
	p.cmd = exec.Command(path)
	p.cmd.Dir = filepath.Dir(path)
	p.cmd.Env = env(strings.TrimPrefix(p.server.URL, "http://"))
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if err := p.cmd.Start(); err != nil {
		p.server.Close()
		t.Fatalf("start %s: %v", path, err)
	}
	go func() {
		_ = p.cmd.Wait() // that it was killed is no news
		close(a.exit())
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		p.server.CloseClientConnections()
		p.server.Close()
		if t.Failed() {
			t.Logf("output of %s:\n%s", filepath.Base(path), p.output.String())
		}
	})
	return p
}

// kill ends the program as the platform does, without a word.
func (p *program) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// signal sends a signal to the program.
func (p *program) signal(sig os.Signal) error { return p.cmd.Process.Signal(sig) }

// log collects a program's output.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements [io.Writer].
func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

// String returns all that was written.
func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
