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

// A cluster is the data folder of one server.
type cluster struct {
	bin          string              // folder of PostgreSQL's programs
	folder, data string              // temporary folder, and the data folder in it
	credential   *syscall.Credential // user for the server, which refuses to run as root; nil means this user
}

// newCluster makes an empty cluster in a temporary folder.
func newCluster(bin string) (c cluster, err error) {
	c.bin = bin
	if os.Getuid() == 0 {
		if c.credential, err = serverUser(); err != nil {
			return c, err
		}
	}
	if c.folder, err = os.MkdirTemp("", "postgres-"); err != nil {
		return c, err
	}
	c.data = filepath.Join(c.folder, "data")
	if c.credential != nil {
		err = os.Chown(c.folder, int(c.credential.Uid), int(c.credential.Gid))
	}
	if err == nil {
		// --no-sync: the data need not survive a crash of the machine, because the crash ends the
		// test too.
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

// command returns a command that runs one of PostgreSQL's programs as the user of the cluster.
func (c cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, name), args...)
	cmd.Dir = c.folder
	cmd.SysProcAttr = attributes(c.credential)
	return cmd
}

// findBinaries returns the folder of PostgreSQL's programs. It looks in Debian's folder, then for
// initdb on the path. It returns the empty string if it finds no programs.
func findBinaries() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is valid
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	return ""
}

// serverUser returns the user that runs the server if this process runs as root. Otherwise it
// returns nil.
func serverUser() (*syscall.Credential, error) {
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

// shared is the server that the tests of this process share.
var shared sharedServer

// A sharedServer is a server that starts at its first use.
type sharedServer struct {
	mu        sync.Mutex
	removable bool // Run was called and will remove the server
	server    *Server
}

// Run runs the tests of a package, then removes the shared server. It returns the exit code for
// os.Exit in TestMain. Only one package of a process may call it.
func Run(m *testing.M) (code int) {
	shared.mu.Lock()
	shared.removable = true
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

// get returns the shared server. The first call starts the server. It is an error if TestMain did
// not call [Run], because nothing would remove the server then.
func (s *sharedServer) get(bin string) (*Server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.removable {
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
