package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// start runs the command and returns the emulator's URL and the further lines of its output. cancel
// ends the command; done then receives the error of run.
func start(t *testing.T, args ...string) (url string, lines *bufio.Scanner, cancel func(), done <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append(args, "-addr", "127.0.0.1:0"), in, io.Discard)
		in.Close()
		ended <- err
	}()
	lines = bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatalf("it ended without a line: %v", <-ended)
	}
	url, ok := strings.CutPrefix(lines.Text(), "emulator ")
	if !ok {
		t.Fatalf("the line is %q", lines.Text())
	}
	return url, lines, cancel, ended
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestPrintsAddressAndStopsOnCancel(t *testing.T) {
	url, lines, cancel, done := start(t)
	if body := get(t, url+"/_emulator/ledger"); body != `{"calls":[],"jobs":[]}`+"\n" {
		t.Errorf("the ledger is %s", body)
	}
	cancel()
	if lines.Scan() {
		t.Errorf("a second line: %q", lines.Text())
	}
	if err := <-done; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// TestFaultsFlag proves that the faults of the flag -faults take effect, and that the emulator ends
// without delay while the fault hang delays a request.
func TestFaultsFlag(t *testing.T) {
	url, _, cancel, done := start(t, "-faults", "GetCallerIdentity: hang")
	if left := get(t, url+"/_emulator/faults"); left != "GetCallerIdentity: hang\n" {
		t.Errorf("left is %q", left)
	}
	dropped := make(chan error, 1)
	go func() {
		// A client with a reused connection would repeat the request.
		fresh := &http.Client{Transport: &http.Transport{}}
		resp, err := fresh.Get(url + "/?Action=GetCallerIdentity&Version=2015-04-01&Format=JSON")
		if err == nil {
			resp.Body.Close()
		}
		dropped <- err
	}()
	for !strings.Contains(get(t, url+"/_emulator/ledger"), `"fault":"hang"`) { // a call is recorded before it hangs
		runtime.Gosched()
	}
	cancel()
	if err := <-dropped; err == nil {
		t.Error("the client got an answer")
	}
	if err := <-done; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestRefusesToStart(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "world.yaml")
	if err := os.WriteFile(broken, []byte("regions: [cn-hangzhou]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"on all addresses", []string{"-addr", ":0"}, "not a loopback address"},
		{"on an address of others", []string{"-addr", "192.0.2.1:9100"}, "not a loopback address"},
		{"on no address", []string{"-addr", "localhost"}, "not a loopback address"},
		{"with a word too many", []string{"now"}, "unexpected argument"},
		{"with a flag that does not exist", []string{"-fast"}, "not defined"},
		{"without its world", []string{"-world", filepath.Join(t.TempDir(), "none")}, "no such file"},
		{"with a world that cannot be", []string{"-world", broken}, "at least one account"},
		{"with a fault that does not exist", []string{"-faults", "CreateBackupJob: drip"}, "-faults: column 18: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := run(t.Context(), tt.args, io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want something about %q", err, tt.want)
			}
		})
	}
}

// TestIdleConnectionDoesNotDelayShutdown proves that a connection without a request does not keep
// the command from ending.
func TestIdleConnectionDoesNotDelayShutdown(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"-addr", "127.0.0.1:0"}, w, io.Discard) }()
	var address string
	if _, err := fmt.Fscanf(r, "emulator http://%s\n", &address); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}
