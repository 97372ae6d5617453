package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A world is everything around the measured programs: the baselines, two emulators of the cloud and
// a PostgreSQL server.
type world struct {
	folder   string // temporary
	policy   string // path of the portal's policy
	fast     cloud  // answers at once
	slow     cloud  // answers after the time upstream
	database string // URL
	running  []*exec.Cmd
}

// A cloud is a running emulator that serves TLS.
type cloud struct{ url, authority string }

// upstream is how long the slow cloud takes to start a job.
const upstream = 50 * time.Millisecond

// baselines are the programs of function/e2e/testdata/baseline that are measured.
var baselines = []string{"hello", "form", "sdkfunction", "store"}

// newWorld builds the baselines and the emulator, and starts the servers. The caller calls stop.
func newWorld(ctx context.Context, root, folder string) (w *world, err error) {
	w = &world{folder: folder, policy: filepath.Join(root, "function/cmd/local/policy.yaml")}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.stop())
		}
	}()
	for _, name := range baselines {
		if err := build(ctx, root, filepath.Join(folder, name), "./function/e2e/testdata/baseline/"+name); err != nil {
			return w, err
		}
	}
	if err := build(ctx, root, filepath.Join(folder, "emulator"), "./function/cmd/emulator"); err != nil {
		return w, err
	}
	if w.fast, err = w.startCloud("fast"); err != nil {
		return w, err
	}
	if w.slow, err = w.startCloud("slow", "-faults", "CreateBackupJob: latency "+upstream.String()+" forever"); err != nil {
		return w, err
	}
	w.database, err = w.startDatabase(ctx)
	return w, err
}

// build builds a program of the project with the flags of make dist.
func build(ctx context.Context, root, path, from string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags=-s -w", "-o", path, from)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", from, err, out)
	}
	return nil
}

// stop ends the servers.
func (w *world) stop() (err error) {
	for _, cmd := range w.running {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended
		if end := cmd.Wait(); end != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", filepath.Base(cmd.Path), end))
		}
	}
	w.running = nil
	return err
}

// startCloud starts an emulator.
func (w *world) startCloud(name string, args ...string) (c cloud, err error) {
	c.authority = filepath.Join(w.folder, name+".pem")
	cmd := exec.Command(filepath.Join(w.folder, "emulator"), append([]string{"-addr", "127.0.0.1:0", "-tls", "-ca-file", c.authority}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return c, err
	}
	if err := cmd.Start(); err != nil {
		return c, err
	}
	w.running = append(w.running, cmd)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "emulator "); ok {
			c.url = url
			return c, nil
		}
	}
	return c, errors.Join(errors.New("the emulator printed no address"), lines.Err())
}

// startDatabase starts a PostgreSQL server with an empty database, whose commits wait for the disk.
// It listens on a Unix socket only.
func (w *world) startDatabase(ctx context.Context) (url string, err error) {
	bin, err := postgresPrograms()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(w.folder, "postgres")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return "", err
	}
	attributes, err := w.postgresUser(folder)
	if err != nil {
		return "", err
	}
	command := func(ctx context.Context, name string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, filepath.Join(bin, name), args...)
		cmd.Dir, cmd.SysProcAttr = folder, attributes
		return cmd
	}
	data := filepath.Join(folder, "data")
	init := command(ctx, "initdb", "-D", data, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	if out, err := init.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w\n%s", err, out)
	}
	server := command(context.WithoutCancel(ctx), "postgres", "-D", data, "-c", "listen_addresses=", "-c", "unix_socket_directories="+folder,
		"-c", "max_connections=400")
	if err := server.Start(); err != nil {
		return "", err
	}
	w.running = append(w.running, server)
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		out, err := command(ctx, "pg_isready", "-h", folder, "-U", "postgres").CombinedOutput()
		if err == nil {
			return "postgres://postgres@/postgres?host=" + folder, nil
		}
		if ctx.Err() != nil || time.Now().After(end) {
			return "", fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, out)
		}
	}
}

// postgresPrograms returns the folder of PostgreSQL's programs: Debian's, or that of initdb.
func postgresPrograms() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is valid
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", fmt.Errorf("PostgreSQL is missing: install Debian's package postgresql: %w", err)
	}
	return filepath.Dir(path), nil
}

// postgresUser returns the attributes of PostgreSQL's processes. The server refuses to run as root, so
// then it runs as another user, who gets the folder.
func (w *world) postgresUser(folder string) (*syscall.SysProcAttr, error) {
	attributes := &syscall.SysProcAttr{Setpgid: true} // an interrupt of the terminal does not reach it before the portal ends
	if os.Getuid() != 0 {
		return attributes, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return attributes, errors.Join(os.Chmod(w.folder, 0o755), os.Chown(folder, uid, gid))
	}
	return nil, errors.New("no user to run PostgreSQL as")
}

// portal returns the portal in front of c. path is the built program.
func (w *world) portal(path string, c cloud) program {
	return program{
		name: "portal", path: path, status: 201, event: submission,
		env: []string{
			"CLOUD_ENDPOINT=" + c.url, "CLOUD_CA_FILE=" + c.authority, "DATABASE_URL=" + w.database,
			"POLICY_FILE=" + w.policy, "AUTH_MODE=demo", "TMPDIR=" + w.folder,
		},
	}
}

// baseline returns a baseline that starts backups in front of c.
func (w *world) baseline(name string, c cloud) program {
	return program{
		name: name, path: filepath.Join(w.folder, name), status: 201, event: submission,
		env: []string{"CLOUD_ENDPOINT=" + c.url, "SSL_CERT_FILE=" + c.authority, "DATABASE_URL=" + w.database},
	}
}

// reading returns p with requests for a page instead of submissions.
func (p program) reading(path string) program {
	p.status, p.event = 200, page(path)
	return p
}
