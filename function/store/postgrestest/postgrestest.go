// Package postgrestest starts PostgreSQL servers for tests.
//
// They are real servers with temporary folders, and they listen on loopback:
//
//   - [Schema] gives a test an empty schema in a server that all tests of the process share.
//   - [Start] gives a test a server of its own. A test needs its own server if it stops the server
//     or changes something that all schemas share.
//   - [NewRelay] puts a relay in front of a server that simulates failures of the network.
//
// TestMain must call [Run], which removes the shared server at the end. If
// PostgreSQL is not installed, a test is skipped. With CI=true in the environment, the test fails.
package postgrestest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// patience is how long a server may take to start or stop. The limit only ends tests that hang: on
// a busy machine, a start or stop takes seconds.
const patience = 2 * time.Minute

// socket is the name of the Unix socket in the folder of a server.
const socket = ".s.PGSQL.5432"

// A Server is a running PostgreSQL server with the superuser "postgres" and without passwords. It
// ends with its test, or at the latest with the process.
//
// The server listens on a Unix socket in its folder. A relay in this process forwards one port of
// 127.0.0.1 to the socket. While the server is stopped, the relay keeps the port, so that no other
// process can take the port.
type Server struct {
	cluster
	durable  bool         // a commit waits for the disk
	listener net.Listener // listener of the relay in front of the socket
	cmd      *exec.Cmd    // nil while the server is stopped
	ended    <-chan error // receives the result of cmd.Wait
	output   string       // path of the file with the server's output
	schemas  atomic.Int32 // number of schemas made so far
}

// Start starts a server for one test or benchmark. A commit waits for the disk only if t is a
// benchmark.
func Start(t testing.TB) *Server {
	t.Helper()
	_, durable := t.(*testing.B) // a benchmark also measures the time of the disk
	s, err := start(requireBinaries(t), durable)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.remove(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Schema makes an empty schema in the shared server and returns its URL. It starts the server if
// necessary. The URL already has a query, so a caller appends parameters after an ampersand.
func Schema(t testing.TB) string {
	t.Helper()
	bin := requireBinaries(t)
	s, err := shared.get(bin)
	if err != nil {
		t.Fatal(err)
	}
	return s.Schema(t)
}

// requireBinaries returns the folder of PostgreSQL's programs. If there are no programs, it skips
// the test, or fails the test if CI=true.
func requireBinaries(t testing.TB) (bin string) {
	t.Helper()
	bin = findBinaries()
	if bin == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("PostgreSQL is missing: install Debian's package postgresql")
		}
		t.Skip("PostgreSQL is missing: leaves out what several instances share")
	}
	return bin
}

// start starts a server with an empty cluster. If durable is false, the data survives [Server.Stop]
// with any signal, but not a crash of the machine.
func start(bin string, durable bool) (s *Server, err error) {
	c, err := newCluster(bin)
	if err != nil {
		return nil, err
	}
	s = &Server{cluster: c, durable: durable, output: filepath.Join(c.folder, "output")}
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err == nil {
		go serveRelay(s.listener, s.dial)
		err = s.resume()
	}
	if err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

// remove stops the server if the server runs, and removes the server's folder.
func (s *Server) remove() error {
	err := s.stop(syscall.SIGQUIT)
	if s.listener != nil {
		s.listener.Close()
	}
	return errors.Join(err, os.RemoveAll(s.folder))
}

// dial connects to the server's socket. It fails while the server is stopped.
func (s *Server) dial() (net.Conn, error) {
	return net.Dial("unix", filepath.Join(s.folder, socket))
}

// Resume starts the server again after [Server.Stop], with the committed data and at the same
// address. It returns when the server accepts connections.
func (s *Server) Resume(t testing.TB) {
	t.Helper()
	if err := s.resume(); err != nil {
		t.Fatal(err)
	}
}

// resume starts the server and waits until it is ready.
func (s *Server) resume() error {
	// The default of 100 connections is not enough for all tests that share a server.
	cmd := s.command(
		"postgres",
		"-D",
		s.data,
		"-c",
		"listen_addresses=",
		"-c",
		"unix_socket_directories="+s.folder,
		"-c",
		"max_connections=400",
		"-c",
		fmt.Sprintf("fsync=%t", s.durable),
	)
	output, err := os.OpenFile(s.output, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer output.Close()
	cmd.Stdout, cmd.Stderr = output, output
	ended, err := spawn(cmd)
	if err != nil {
		return err
	}
	s.cmd, s.ended = cmd, ended
	return s.waitUntilReady()
}

// waitUntilReady waits until the server accepts connections. An error contains the output of the
// server.
func (s *Server) waitUntilReady() error {
	db, err := sql.Open("pgx", s.URL("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case end := <-s.ended:
			s.cmd = nil
			return fmt.Errorf("PostgreSQL ended: %w\n%s", end, s.readOutput())
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, s.readOutput())
		}
	}
}

// Stop stops the server. SIGINT is a fast shutdown. SIGQUIT is an immediate shutdown, like a crash.
// Stop does nothing if the server is stopped already.
func (s *Server) Stop(t testing.TB, how syscall.Signal) {
	t.Helper()
	if err := s.stop(how); err != nil {
		t.Error(err)
	}
}

// stop sends the signal how to the server and waits until the server ends.
func (s *Server) stop(how syscall.Signal) error {
	if s.cmd == nil {
		return nil
	}
	process := s.cmd.Process
	s.cmd = nil
	if err := process.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.ended: // the exit status does not matter
		return nil
	case <-time.After(patience):
		process.Kill()
		return fmt.Errorf("PostgreSQL does not stop\n%s", s.readOutput())
	}
}

// readOutput returns what the server has written so far.
func (s *Server) readOutput() string {
	text, err := os.ReadFile(s.output)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}

// Addr returns the host and port of the server. They stay the same after Stop and Resume.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL returns the URL of a database, for the superuser.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://postgres@%s/%s", s.Addr(), database)
}

// Schema makes an empty schema in the server and returns its URL, which already has a query. A
// schema separates tests as well as a database does, and is faster to make.
func (s *Server) Schema(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", s.schemas.Add(1))
	Exec(t, s.URL("postgres"), "CREATE SCHEMA "+name)
	// On a busy machine a connection takes longer than the portal's usual 2 seconds.
	return s.URL("postgres") + "?connect_timeout=60&search_path=" + name
}

// Exec executes statements in the database at url. It fails the test at the first error.
func Exec(t testing.TB, url string, statements ...string) {
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
