package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// startEmulatorTLS builds and starts the command of the emulator with -tls, until the end of
// the test. It returns its address and the file of its certificate authority.
func startEmulatorTLS(t testing.TB, args ...string) (url, authority string) {
	t.Helper()
	dir := t.TempDir()
	path, authority := filepath.Join(dir, "emulator"), filepath.Join(dir, "ca.pem")
	if out, err := exec.Command("go", "build", "-o", path, "../cmd/emulator").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.Command(path, append([]string{"-addr", "127.0.0.1:0", "-tls", "-ca-file", authority}, args...)...)
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
			t.Errorf("the emulator did not stop cleanly: %v", err)
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "emulator "); ok {
			return url, authority
		}
	}
	t.Fatalf("the emulator printed no address: %v", lines.Err())
	return "", ""
}

// backupThrough submits a backup in an account to the portal at url. It returns the status code
// and the body of the answer.
func backupThrough(t *testing.T, url, account string) (code int, body string) {
	t.Helper()
	instance := map[string]string{"demo": "i-bp1demoweb01", "payments": "i-bp2demopay01"}[account]
	request := `{"Account":"` + account + `","Region":"cn-hangzhou","InstanceId":"` + instance + `","Retention":7}`
	r, err := http.NewRequestWithContext(t.Context(), "POST", url+"/api/v1/backup-jobs", strings.NewReader(request))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", account)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// get returns the body of a page.
func get(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPortalTrustsEmulatorOverTLS proves that the built portal makes backups through the
// emulator's https if CLOUD_CA_FILE or SSL_CERT_FILE names the emulator's certificate
// authority, also with an assumed role. Otherwise it sends nothing, and its log and the access
// check say that the certificate is not trusted.
func TestPortalTrustsEmulatorOverTLS(t *testing.T) {
	t.Parallel()
	cloud, authority := startEmulatorTLS(t)
	_, other := startEmulatorTLS(t)
	for name, c := range map[string]struct {
		env    []string
		trusts bool
	}{
		"CLOUD_CA_FILE":                        {[]string{"CLOUD_CA_FILE=" + authority}, true},
		"SSL_CERT_FILE":                        {[]string{"SSL_CERT_FILE=" + authority}, true},
		"neither":                              {nil, false},
		"CLOUD_CA_FILE of another authority":   {[]string{"CLOUD_CA_FILE=" + other}, false},
		"CLOUD_CA_FILE goes before the system": {[]string{"CLOUD_CA_FILE=" + other, "SSL_CERT_FILE=" + authority}, false},
	} {
		url, log := startPortal(t, cloud, "sqlite:"+filepath.Join(t.TempDir(), "portal.db"), c.env...)
		for _, account := range []string{"demo", "payments"} {
			code, body := backupThrough(t, url, account)
			var answer struct{ JobId, Type, Detail string }
			if err := json.Unmarshal([]byte(body), &answer); err != nil {
				t.Fatalf("%s, %s: %d %s", name, account, code, body)
			}
			if c.trusts && (code != http.StatusCreated || answer.JobId == "") {
				t.Errorf("%s, %s: %d %s", name, account, code, body)
			}
			if !c.trusts && (code < 500 || !strings.HasSuffix(answer.Type, ":not-sent")) {
				t.Errorf("%s, %s: %d %s", name, account, code, body)
			}
		}
		for where, at := range map[string]string{"the access check": "/api/v1/accounts/demo/preflight?", "the page": "/access?Account=demo&"} {
			said := get(t, url+at+"Region=cn-hangzhou")
			if strings.Contains(said, "certificate not trusted") == c.trusts {
				t.Errorf("%s: %s says %s", name, where, said)
			}
		}
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "certificate not trusted") == c.trusts {
			t.Errorf("%s: the log is\n%s", name, text)
		}
	}
}
