// Package postgrestest starts PostgreSQL servers for tests: real ones, in
// temporary folders, on loopback.
package postgrestest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// patience is how long a server may take to start or to stop.
const patience = 30 * time.Second

// A Server is a running PostgreSQL with its superuser "postgres" and no
// passwords. It ends with the test, and with the process at the latest.
type Server struct {
	t         testing.TB
	bin, data string
	port      int
	as        *syscall.Credential // it refuses to run as root
	cmd       *exec.Cmd
	ended     chan error
	output    string // path of the file with what it says
	schemas   atomic.Int32
}

// Start starts a server. Where PostgreSQL is not installed the test is left out
// and says so; with CI=true it fails.
func Start(t testing.TB) *Server {
	t.Helper()
	bin := findBinaries()
	if bin == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("PostgreSQL is missing: install Debian's package postgresql")
		}
		t.Skip("PostgreSQL is missing: leaves out what several instances share")
	}
	s := &Server{t: t, bin: bin}
	folder, err := os.MkdirTemp("", "postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	s.data, s.output = filepath.Join(folder, "data"), filepath.Join(folder, "output")
	if os.Getuid() == 0 {
		s.as = other(t)
		if err := os.Chown(folder, int(s.as.Uid), int(s.as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	// Nobody depends on what a crash of the machine would leave of an empty cluster.
	initdb := s.command("initdb", "-D", s.data, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	s.port = freePort(t)
	s.Resume()
	t.Cleanup(func() { s.Stop(syscall.SIGQUIT) })
	return s
}

// findBinaries is the folder of PostgreSQL's programs: where Debian puts them,
// or one on the path. Empty if there is none.
func findBinaries() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is good
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	return ""
}

// other is a user to run the server as.
func other(t testing.TB) *syscall.Credential {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if errors.Join(err1, err2) == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	t.Fatal("no user to run PostgreSQL as")
	return nil
}

func freePort(t testing.TB) int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = filepath.Dir(s.data)
	cmd.SysProcAttr = attributes(s.as)
	return cmd
}

// Resume starts the server again after [Server.Stop], with what it had
// committed, at the same address. It returns when the server answers.
func (s *Server) Resume() {
	s.t.Helper()
	s.cmd = s.command("postgres", "-D", s.data, "-p", strconv.Itoa(s.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
	output, err := os.OpenFile(s.output, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer output.Close()
	s.cmd.Stdout, s.cmd.Stderr = output, output
	s.ended = make(chan error, 1)
	started := make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan<- error) {
		// The signal for the parent's death comes when the thread ends that started the child.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}(s.cmd, s.ended)
	if err := <-started; err != nil {
		s.t.Fatal(err)
	}
	s.await()
}

// await waits until the server answers.
func (s *Server) await() {
	s.t.Helper()
	db, err := sql.Open("pgx", s.URL("postgres"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if err = db.PingContext(ctx); err == nil {
			return
		}
		select {
		case <-tick.C:
		case end := <-s.ended:
			s.t.Fatalf("PostgreSQL ended: %v\n%s", end, s.said())
		case <-ctx.Done():
			s.t.Fatalf("PostgreSQL does not answer: %v\n%s", err, s.said())
		}
	}
}

// Stop ends the server: with SIGINT in good order, with SIGQUIT as a crash
// does. It may have been stopped before.
func (s *Server) Stop(how syscall.Signal) {
	s.t.Helper()
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Error(err)
	}
	select {
	case <-s.ended: // how it ended is of no interest
	case <-time.After(patience):
		s.t.Errorf("PostgreSQL does not stop\n%s", s.said())
		s.cmd.Process.Kill()
	}
	s.cmd = nil
}

func (s *Server) said() string {
	text, err := os.ReadFile(s.output)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}

// Addr is where the server listens.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL is the address of a database, for the superuser.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://postgres@%s/%s", s.Addr(), database)
}

// Schema makes an empty schema, which is quicker than a database and does for
// one as well, and returns its address. That has a query already.
func (s *Server) Schema(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", s.schemas.Add(1))
	s.Exec(t, s.URL("postgres"), "CREATE SCHEMA "+name)
	return s.URL("postgres") + "?search_path=" + name
}

// Exec runs statements in the database at url.
func (s *Server) Exec(t testing.TB, url string, statements ...string) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}
