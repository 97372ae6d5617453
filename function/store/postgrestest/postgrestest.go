// Package postgrestest starts PostgreSQL servers for tests.
//
// They are real servers with temporary folders, on loopback. Tests share one
// server, in which [Schema] gives each its own schema; a test that stops its
// server or changes what all schemas share takes one with [Start]. The folders
// are removed by [Run], which TestMain must call.
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

// patience ends a test whose server hangs. It is no bound on a slow machine: a
// server that starts or stops while both cores are busy takes seconds.
const patience = 2 * time.Minute

// socket is the name of the Unix socket in the folder of a server's data.
const socket = ".s.PGSQL.5432"

// A Server is a running PostgreSQL with its superuser "postgres" and no
// passwords. It ends with the test, and with the process at the latest.
//
// It listens on a Unix socket in its folder, behind a relay that keeps one port
// of 127.0.0.1 for as long as the Server lives: no other process can take the
// port while the server starts or is stopped.
type Server struct {
	cluster
	durable  bool         // whether commits wait for the disk
	listener net.Listener // in front of the socket
	cmd      *exec.Cmd
	ended    <-chan error
	output   string // path of the file with what it says
	schemas  atomic.Int32
}

// Start starts a server for one test. Where PostgreSQL is not installed the
// test is left out and says so; with CI=true it fails.
func Start(t testing.TB) *Server {
	t.Helper()
	_, durable := t.(*testing.B) // a benchmark pays for the disk
	s, err := start(installed(t), durable)
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

// Schema makes an empty schema in the server that the tests of this process
// share, and returns its address, which has a query already. It starts that
// server if there is none yet, or leaves the test out as [Start] does.
func Schema(t testing.TB) string {
	t.Helper()
	bin := installed(t)
	s, err := shared.get(bin)
	if err != nil {
		t.Fatal(err)
	}
	return s.Schema(t)
}

// installed is the folder of PostgreSQL's programs.
func installed(t testing.TB) (bin string) {
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

// start starts a server with an empty cluster. One that is not durable loses
// nothing by [Server.Stop], but may by a crash of the machine.
func start(bin string, durable bool) (s *Server, err error) {
	c, err := newCluster(bin)
	if err != nil {
		return nil, err
	}
	s = &Server{cluster: c, durable: durable, output: filepath.Join(c.folder, "output")}
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err == nil {
		go accept(s.listener, s.dial)
		err = s.resume()
	}
	if err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

// remove ends the server, if it runs, and removes its folder.
func (s *Server) remove() error {
	err := s.stop(syscall.SIGQUIT)
	if s.listener != nil {
		s.listener.Close()
	}
	return errors.Join(err, os.RemoveAll(s.folder))
}

// dial connects to the server. It fails while the server is stopped.
func (s *Server) dial() (net.Conn, error) {
	return net.Dial("unix", filepath.Join(s.folder, socket))
}

// Resume starts the server again after [Server.Stop], with what it had
// committed, at the same address. It returns when the server answers.
func (s *Server) Resume(t testing.TB) {
	t.Helper()
	if err := s.resume(); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) resume() error {
	// The default of 100 connections is not enough for all the tests that share it.
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
	return s.await()
}

// await waits until the server answers.
func (s *Server) await() error {
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
			return fmt.Errorf("PostgreSQL ended: %w\n%s", end, s.said())
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, s.said())
		}
	}
}

// Stop ends the server: with SIGINT in good order, with SIGQUIT as a crash
// does. It does nothing if the server is stopped.
func (s *Server) Stop(t testing.TB, how syscall.Signal) {
	t.Helper()
	if err := s.stop(how); err != nil {
		t.Error(err)
	}
}

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
	case <-s.ended: // its status does not matter: it was told to end
		return nil
	case <-time.After(patience):
		process.Kill()
		return fmt.Errorf("PostgreSQL does not stop\n%s", s.said())
	}
}

func (s *Server) said() string {
	text, err := os.ReadFile(s.output)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}

// Addr is where clients reach the server, also after [Server.Resume].
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is the address of a database, for the superuser.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://postgres@%s/%s", s.Addr(), database)
}

// Schema makes an empty schema, which is quicker than a database and does for
// one as well, and returns its address. That has a query already.
func (s *Server) Schema(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", s.schemas.Add(1))
	Exec(t, s.URL("postgres"), "CREATE SCHEMA "+name)
	// On a busy machine a connection takes longer than the portal's usual 2 seconds.
	return s.URL("postgres") + "?connect_timeout=60&search_path=" + name
}

// Exec runs statements in the database at url.
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
