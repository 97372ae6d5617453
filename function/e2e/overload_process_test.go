package e2e

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "portal ")
	if !ok {
		t.Fatalf("the server said %q (error %v)", line, err)
	}
	return address, stderr.Name()
}
