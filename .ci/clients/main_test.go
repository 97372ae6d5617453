// Package clients runs the vendor's Go clients of the current generation against the emulator,
// which serves https with -tls.
//
// It is a module of its own, because go.mod of the portal should not have these clients.
package clients

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// address is the host and port of the emulator that TestMain started.
var address string

// TestMain starts the emulator. It sets SSL_CERT_FILE before the first TLS connection, because the
// system's certificates are read once: the provider of credentials has no setting for them.
func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// run builds and starts the emulator with the world of this folder, runs the tests, and ends it.
func run(m *testing.M) (int, error) {
	folder, err := os.MkdirTemp("", "clients")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	binary := filepath.Join(folder, "emulator")
	build := exec.Command("go", "build", "-o", binary, "./function/cmd/emulator")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("go build ./function/cmd/emulator: %w\n%s", err, out)
	}
	emulator := exec.Command(binary, "-addr", "127.0.0.1:0", "-tls", "-world", "world.yaml")
	emulator.Stderr = os.Stderr
	out, err := emulator.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := emulator.Start(); err != nil {
		return 0, err
	}
	defer emulator.Wait()
	defer emulator.Process.Signal(os.Interrupt)
	for lines := bufio.NewScanner(out); address == ""; {
		if !lines.Scan() {
			return 0, errors.New("the emulator ended early")
		}
		if path, ok := strings.CutPrefix(lines.Text(), "certificate authority "); ok {
			if err := os.Setenv("SSL_CERT_FILE", path); err != nil {
				return 0, err
			}
		}
		if at, ok := strings.CutPrefix(lines.Text(), "emulator https://"); ok {
			address = at
		}
	}
	return m.Run(), nil
}
