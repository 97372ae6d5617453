package postgrestest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

// A cluster is the data of one server, in a folder of its own.
type cluster struct {
	bin          string // folder of PostgreSQL's programs
	folder, data string
	as           *syscall.Credential // it refuses to run as root
}

// newCluster makes an empty cluster.
func newCluster(bin string) (c cluster, err error) {
	c.bin = bin
	if os.Getuid() == 0 {
		if c.as, err = other(); err != nil {
			return c, err
		}
	}
	if c.folder, err = os.MkdirTemp("", "postgres-"); err != nil {
		return c, err
	}
	c.data = filepath.Join(c.folder, "data")
	if c.as != nil {
		err = os.Chown(c.folder, int(c.as.Uid), int(c.as.Gid))
	}
	if err == nil {
		// A crash of the machine ends the test, too: nothing has to be on the disk.
		initdb := c.command(
			"initdb",
			"-D",
			c.data,
			"-U",
			"postgres",
			"--auth=trust",
			"-E",
			"UTF8",
			"--locale=C.UTF-8",
			"--no-sync",
		)
		var out []byte
		if out, err = initdb.CombinedOutput(); err != nil {
			err = fmt.Errorf("initdb: %w\n%s", err, out)
		}
	}
	if err != nil {
		return c, errors.Join(err, os.RemoveAll(c.folder))
	}
	return c, nil
}

// command is one of PostgreSQL's programs, as the user of the cluster.
func (c cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, name), args...)
	cmd.Dir = c.folder
	cmd.SysProcAttr = attributes(c.as)
	return cmd
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
func other() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if errors.Join(err1, err2) == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("no user to run PostgreSQL as")
}

// shared is the server of all tests of this process that need no own one.
var shared sharedServer

type sharedServer struct {
	mu     sync.Mutex
	runs   bool // whether Run will remove it
	server *Server
}

// Run runs the tests of a package, then removes the server that they shared.
// TestMain passes its result to os.Exit.
func Run(m *testing.M) (code int) {
	shared.mu.Lock()
	shared.runs = true
	shared.mu.Unlock()
	code = m.Run()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.server == nil {
		return code
	}
	if err := shared.server.remove(); err != nil {
		fmt.Fprintln(os.Stderr, "postgrestest:", err)
		code = max(code, 1)
	}
	return code
}

// get returns the shared server. It starts it if there is none.
func (s *sharedServer) get(bin string) (*Server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.runs {
		return nil, errors.New("TestMain must call postgrestest.Run")
	}
	if s.server == nil {
		server, err := start(bin, false)
		if err != nil {
			return nil, err
		}
		s.server = server
	}
	return s.server, nil
}
