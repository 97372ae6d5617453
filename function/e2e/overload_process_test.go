package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"backupportal/function/emulator/world"
)

// startPortal starts the built program as a plain server with the demo policy, until the end of the
// test. It returns its address and the path of its log.
func startPortal(t testing.TB, cloud, database string, env ...string) (url, log string) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	policy, err := filepath.Abs("../cmd/local/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	cmd.Dir = t.TempDir()
	stderr, err := os.Create(filepath.Join(cmd.Dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	cmd.Stderr = stderr
	cmd.Env = append([]string{
		"ADDR=127.0.0.1:0", "AUTH_MODE=demo", "CLOUD_ENDPOINT=" + cloud, "DATABASE_URL=" + database, "POLICY_FILE=" + policy,
		"ALIBABA_CLOUD_ACCESS_KEY_ID=" + world.DemoKey, "ALIBABA_CLOUD_ACCESS_KEY_SECRET=" + world.DemoSecret,
	}, env...)
	return startServer(t, cmd, "portal "), stderr.Name()
}

// emulatorProgram builds the emulator once. TestMain removes it.
var emulatorProgram = sync.OnceValues(func() (string, error) {
	portal, err := program()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(portal), "emulator")
	if out, err := exec.Command("go", "build", "-o", path, "../cmd/emulator").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// startEmulator starts the emulator as a process with args, until the end of the test, and
// returns its address.
func startEmulator(t testing.TB, args ...string) string {
	t.Helper()
	path, err := emulatorProgram()
	if err != nil {
		t.Fatal(err)
	}
	return startServer(t, exec.Command(path, append([]string{"-addr", "127.0.0.1:0"}, args...)...), "emulator ")
}

// startServer starts a server that writes a line with its address after prefix, until the end
// of the test. It returns the address.
func startServer(t testing.TB, cmd *exec.Cmd, prefix string) string {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server did not stop cleanly: %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), prefix)
	if !ok {
		t.Fatalf("the server said %q (error %v)", line, err)
	}
	return address
}
