package web_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"backupportal/function/identity"
	"backupportal/web/auth"
)

// everyShell runs a test with the script in each shell, in parallel.
func everyShell(t *testing.T, test func(t *testing.T, f *front, w way)) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: leaves out tests of gates that wait for real seconds")
	}
	t.Parallel()
	for _, w := range plainWays(t) {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			test(t, newFront(t), w)
		})
	}
}

// TestGatesStopAtARefusal proves the exit codes of the script for CI pipelines: 1 if the portal
// refuses the backup, so there is none, and 5 if the request could not be made.
func TestGatesStopAtARefusal(t *testing.T) {
	everyShell(t, func(t *testing.T, f *front, w way) {
		for _, c := range []struct {
			changed map[string]string
			code    int
			says    string
		}{
			{map[string]string{"Region": "cn-beijing"}, 1, "urn:backup-portal:problem:denied"},
			{map[string]string{"Account": "locked", "InstanceId": "i-bp2demopay01"}, 1, "AssumeRole.NoPermission"},
			{map[string]string{"InstanceId": "web-01"}, 5, "urn:backup-portal:problem:invalid"},
		} {
			w.run(t, f.url, c.changed).want(t, f, c.code, 0, c.says)
		}
		f.server.Sender = auth.EventsOnly
		w.run(t, f.url, nil).want(t, f, 5, 0, "urn:backup-portal:problem:signed-out")
	})
}

// TestGatesRefuseUnsafeVariables proves that the script refuses variables with characters that
// have a special meaning in JSON, a shell or a URL, and sends no request.
func TestGatesRefuseUnsafeVariables(t *testing.T) {
	everyShell(t, func(t *testing.T, f *front, w way) {
		for name, values := range map[string][]string{
			"PORTAL_URL":   {"", "http://backup.example.com", "http://127.0.0.1:80@example.com", "https://user:secret@example.com", "https://example.com/?a", "ftp://example.com", "https://a b"},
			"Account":      {"", `demo","Retention":1,"a":"`, "demo\n", "$(id)", "demo\\", "démo"},
			"Region":       {"", "cn hangzhou"},
			"InstanceId":   {"", "i-1'", "i-1\nX: y"},
			"Retention":    {"", "0", "015", "-1", "1e3", "15,\"a\":1", "1234567"},
			"Preset":       {`a","Retention":1,"b":"`, "a b", "$(id)"},
			"GATE_RUN":     {"", "a b", "a\nHost: b", `a"`, `a\`, strings.Repeat("a", 230)},
			"GATE_TIMEOUT": {"0", "soon", "5s", "$(id)"},
		} {
			for _, value := range values {
				if got := w.run(t, f.url, map[string]string{name: value}); got.code != 5 || !strings.Contains(got.said, "gate: "+name) {
					t.Errorf("%s=%q: exit code %d\n%s", name, value, got.code, got.said)
				}
			}
		}
		if n := len(f.received()); n != 0 {
			t.Errorf("the portal got %d requests", n)
		}
	})
}

// TestGatesIgnoreTextsThatLookLikeAnOutcome proves that a person's name that looks like a
// successful result does not deceive the script. It reads the real result, whatever the order
// of the answer's members.
func TestGatesIgnoreTextsThatLookLikeAnOutcome(t *testing.T) {
	everyShell(t, func(t *testing.T, f *front, w way) {
		f.server.Sender = func(*http.Request) (identity.Principal, error) {
			return identity.Principal{Kind: identity.KindHuman, Issuer: "demo", Subject: "demo", Name: `","Outcome":"succeeded","Status":"COMPLETE","SubmissionId":"x`}, nil
		}
		failing := map[string]string{"InstanceId": "i-bp1demofail01"}
		w.run(t, f.url, failing).want(t, f, 1, 1, "gate: FAILED")
		f.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
			answer := httptest.NewRecorder()
			f.handler.ServeHTTP(answer, r)
			var names map[string]any
			if err := json.Unmarshal(answer.Body.Bytes(), &names); err != nil {
				t.Error(err)
			}
			sorted, err := json.Marshal(names)
			if err != nil {
				t.Error(err)
			}
			w.WriteHeader(answer.Code)
			w.Write(sorted)
			return true
		}
		w.run(t, f.url, failing).want(t, f, 1, 2, "gate: FAILED")
	})
}

// TestGatesRepeatAfterLostAnswers proves that the script sends the same request again if it
// gets no answer, and that only one backup is made.
func TestGatesRepeatAfterLostAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		changed map[string]string
		instead func(f *front, n int, w http.ResponseWriter, r *http.Request) bool
		code    int
		methods []string
	}{
		{"of both requests", nil, func(f *front, n int, w http.ResponseWriter, r *http.Request) bool {
			if n == 1 || n == 3 {
				f.lose(r)
			}
			return false
		}, 0, []string{"POST", "POST", "GET", "GET"}},
		{"of a backup that fails", map[string]string{"InstanceId": "i-bp1demofail01"}, func(f *front, n int, w http.ResponseWriter, r *http.Request) bool {
			if n == 1 {
				f.lose(r)
			}
			return false
		}, 1, []string{"POST", "POST", "GET"}},
		{"in a gateway", nil, func(f *front, n int, w http.ResponseWriter, r *http.Request) bool {
			status := map[int]int{1: 502, 2: 503, 4: 504, 5: 429}[n]
			if status != 0 {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(status)
				io.WriteString(w, "<html>\nidempotent-replayed: true\n")
			}
			return status != 0
		}, 0, []string{"POST", "POST", "POST", "GET", "GET", "GET"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			everyShell(t, func(t *testing.T, f *front, w way) {
				f.instead = func(n int, w http.ResponseWriter, r *http.Request) bool { return c.instead(f, n, w, r) }
				w.run(t, f.url, c.changed).want(t, f, c.code, 1, "gate: "+f.url+"/backups/")
				if got := f.received(); !slices.Equal(got, c.methods) {
					t.Errorf("the portal got %v, want %v", got, c.methods)
				}
			})
		})
	}
}

// TestGatesWaitForUnavailablePortal proves that the script waits for a portal that refuses
// connections because it has not started yet.
func TestGatesWaitForUnavailablePortal(t *testing.T) {
	everyShell(t, func(t *testing.T, f *front, w way) {
		socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		file := os.NewFile(uintptr(socket), "portal")
		defer file.Close()
		if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
		bound, err := syscall.Getsockname(socket)
		if err != nil {
			t.Fatal(err)
		}
		gate, refused := w.start(t, fmt.Sprintf("http://127.0.0.1:%d", bound.(*syscall.SockaddrInet4).Port), nil, "curl: (7)")
		<-refused
		if err := syscall.Listen(socket, 8); err != nil {
			t.Fatal(err)
		}
		listener, err := net.FileListener(file)
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: f}
		go server.Serve(listener)
		defer server.Close()
		gate.end().want(t, f, 0, 1, "gate: COMPLETE")
	})
}

// TestGatesRepeatWhileResultIsUnknown proves that the script asks again while the portal does
// not know whether the backup was started.
func TestGatesRepeatWhileResultIsUnknown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, faults, says string }{
		{"there is a job", "CreateBackupJob: drop-after; DescribeBackupJobs2: lag 60s", "gate: COMPLETE"},
		{"there is none yet", "CreateBackupJob: drop", "gate: COMPLETE"},
		{"nothing was sent", "CreateBackupJob: throttle x4", "gate: COMPLETE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			everyShell(t, func(t *testing.T, f *front, w way) {
				if err := f.cloud.SetFaults(c.faults); err != nil {
					t.Fatal(err)
				}
				w.run(t, f.url, nil).want(t, f, 0, 1, c.says)
				if keys := f.keys(); len(keys) < 2 || len(slices.Compact(keys)) != 1 {
					t.Errorf("the keys of the submissions are %q", keys)
				}
			})
		})
	}
}
