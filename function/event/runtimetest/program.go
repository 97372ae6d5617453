package runtimetest

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A program is a running function with the API that it polls.
type program struct {
	api    *api
	server *httptest.Server
	cmd    *exec.Cmd
	ended  chan struct{} // closed after the process has ended
	output log
}

// startProgram runs the program until the test ends.
func startProgram(t testing.TB, a *api, prefix, path string, env func(host string) []string) *program {
	t.Helper()
	p, err := runProgram(a, prefix, path, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("output of %s:\n%s", filepath.Base(path), p.output.String())
		}
	})
	return p
}

// runProgram starts the program at path with the variables of env only.
func runProgram(a *api, prefix, path string, env func(host string) []string) (*program, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	p := &program{api: a, server: httptest.NewServer(a.handler(prefix)), ended: make(chan struct{})}
	p.cmd = exec.Command(path)
	p.cmd.Dir = filepath.Dir(path)
	p.cmd.Env = env(strings.TrimPrefix(p.server.URL, "http://"))
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if err := p.cmd.Start(); err != nil {
		p.server.Close()
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	go func() {
		_ = p.cmd.Wait() // the error of a killed process is expected
		close(a.exit())
		close(p.ended)
	}()
	return p, nil
}

// stop ends the program first and then its API, because the SDK for Function Compute polls without a pause
// when its API is missing.
func (p *program) stop() {
	p.kill()
	p.server.CloseClientConnections()
	p.server.Close()
}

// kill ends the process without a warning, as the platform does.
func (p *program) kill() {
	_ = p.cmd.Process.Kill() // the process may have ended
	<-p.ended
}

// signal sends a signal to the program.
func (p *program) signal(sig os.Signal) error { return p.cmd.Process.Signal(sig) }

// A log collects the output of a program. It is safe for concurrent use.
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

// String returns everything that was written.
func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
