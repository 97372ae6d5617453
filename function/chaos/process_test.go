package chaos

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"backupportal/function/emulator/world"
	"backupportal/function/event/runtimetest"
)

// A process is one place in which the program runs. After a kill, the program starts again in the
// same place.
type process struct {
	t        testing.TB
	kind     string
	program  string // path of the program
	folder   string // folder of the process's files
	env      []string
	timeout  time.Duration
	policies []string // paths of the policy files

	setting sync.Mutex // held while the process's clock is set

	mu      sync.Mutex // held while the program starts or ends
	policy  int
	running running // nil if the program does not run
	url     string
	invoke  func(ctx context.Context, event []byte) runtimetest.Response // nil on a plain server
	front   *httptest.Server
}

// running is a program that was started.
type running interface {
	Kill()
	Signal(os.Signal) error
	Output() string
}

func (p *process) clockFile() string { return filepath.Join(p.folder, "clock") }

// setClock sets the offset of the process's clock from the machine's clock.
func (p *process) setClock(offset time.Duration) {
	p.setting.Lock()
	defer p.setting.Unlock()
	next := p.clockFile() + ".next"
	err := os.WriteFile(next, []byte(strconv.FormatInt(int64(offset), 10)), 0o600)
	if err == nil {
		err = os.Rename(next, p.clockFile())
	}
	if err != nil {
		p.t.Error(err)
	}
}

// same tells start to keep the process's current policy.
const same = -1

// start starts the program with a policy, given by its index. It does nothing if the program runs.
func (p *process) start(policy int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running != nil {
		return
	}
	if policy != same {
		p.policy = policy
	}
	env := append([]string{
		"POLICY_FILE=" + p.policies[p.policy], "CHAOS_CLOCK=" + p.clockFile(), "TMPDIR=" + p.folder,
		"ALIBABA_CLOUD_ACCESS_KEY_ID=" + world.DemoKey, "ALIBABA_CLOUD_ACCESS_KEY_SECRET=" + world.DemoSecret,
	}, p.env...)
	var front http.Handler
	switch p.kind {
	case onFC:
		fc := &runtimetest.FC{
			Timeout:     p.timeout,
			Credentials: runtimetest.Credentials{AccessKeyID: world.DemoKey, AccessKeySecret: world.DemoSecret},
		}
		fc.Start(p.t, p.program, env...)
		p.running, p.invoke, front = fc, fc.Invoke, &runtimetest.FCTrigger{Function: fc}
	case lambda:
		l := &runtimetest.Lambda{Timeout: p.timeout}
		l.Start(p.t, p.program, env...)
		p.running, p.invoke, front = l, l.Invoke, &runtimetest.FunctionURL{Function: l}
	default:
		s, err := startServer(p.t, p.program, p.folder, env)
		if err != nil {
			p.t.Error(err)
			return
		}
		p.running, p.url = s, s.url
		return
	}
	p.front = httptest.NewServer(front)
	p.url = p.front.URL
}

// kill ends the program as `kill -9` does.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running != nil {
		p.running.Kill()
		p.running = nil
	}
	if p.front != nil {
		p.front.CloseClientConnections()
		p.front.Close()
		p.front = nil
	}
}

// signal sends a signal if the program runs. It ignores the error if the program has already ended.
func (p *process) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running != nil {
		_ = p.running.Signal(sig)
	}
}

// reach returns the current address and event function of the process. url is empty and invoke is
// nil if the program does not run.
func (p *process) reach() (url string, invoke func(context.Context, []byte) runtimetest.Response) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running == nil {
		return "", nil
	}
	return p.url, p.invoke
}

// A plainServer is the program as a plain HTTP server, without an event platform.
type plainServer struct {
	cmd   *exec.Cmd
	log   string // path of the log
	url   string
	ended chan struct{}
}

func startServer(t testing.TB, program, folder string, env []string) (*plainServer, error) {
	log, err := os.CreateTemp(folder, "log")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s := &plainServer{cmd: exec.Command(program), log: log.Name(), ended: make(chan struct{})}
	s.cmd.Dir, s.cmd.Stderr = folder, log
	s.cmd.Env = append([]string{"ADDR=127.0.0.1:0"}, env...)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	go func() {
		_, _ = io.Copy(io.Discard, out)
		_ = s.cmd.Wait() // the error only says that the program was killed
		close(s.ended)
	}()
	t.Cleanup(s.Kill)
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "portal ")
	if !ok {
		return nil, fmt.Errorf("the server said %q (error %v)\n%s", line, err, s.Output())
	}
	s.url = address
	return s, nil
}

// Kill ends the program and waits until it has ended.
func (s *plainServer) Kill() {
	_ = s.cmd.Process.Kill() // the program may have ended already
	<-s.ended
}

// Signal sends a signal.
func (s *plainServer) Signal(sig os.Signal) error { return s.cmd.Process.Signal(sig) }

// Output returns the text that the program wrote to its standard error.
func (s *plainServer) Output() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
