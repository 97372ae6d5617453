package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// startTLS runs the command with -tls and args. It returns the path of the authority's certificate,
// the address of the emulator, and a function that ends the command.
func startTLS(t *testing.T, args ...string) (path, address string, end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append(args, "-tls"), in, io.Discard)
		in.Close()
		ended <- err
	}()
	lines := bufio.NewScanner(out)
	var texts []string
	for len(texts) < 2 && lines.Scan() {
		texts = append(texts, lines.Text())
	}
	if len(texts) < 2 {
		cancel()
		t.Fatalf("it wrote %q and ended with %v", texts, <-ended)
	}
	path, ok := strings.CutPrefix(texts[0], "certificate authority ")
	address, secure := strings.CutPrefix(texts[1], "emulator https://")
	if !ok || !secure {
		t.Errorf("the lines are %q", texts)
	}
	return path, address, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("it ended with %v", err)
		}
	}
}

func TestTLSServesLoopbackNames(t *testing.T) {
	given := filepath.Join(t.TempDir(), "ca.pem")
	for _, args := range [][]string{{"-addr", "127.0.0.1:0"}, {"-addr", "127.0.0.1:0", "-ca-file", given}} {
		path, address, end := startTLS(t, args...)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(text) {
			t.Fatalf("%s holds no certificate", path)
		}
		for name, works := range map[string]bool{"127.0.0.1": true, "::1": true, "localhost": true, "hbr.cn-hangzhou.aliyuncs.com": false} {
			conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: pool, ServerName: name})
			if (err == nil) != works {
				t.Errorf("%v, as %s: %v", args, name, err)
			}
			if err == nil {
				conn.Close()
			}
		}
		if _, err := http.Get("https://" + address); !isUnknownAuthority(err) {
			t.Errorf("a client that does not trust the authority: %v", err)
		}
		end()
		if _, err := os.Stat(path); (err == nil) != (path == given) {
			t.Errorf("%s after the end: %v", path, err)
		}
	}
}

// isUnknownAuthority reports whether a client refused a certificate because it does not trust the
// authority that signed it.
func isUnknownAuthority(err error) bool {
	_, wrapped := errors.AsType[*url.Error](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	return wrapped && unknown
}

func TestTLSRefusesToStart(t *testing.T) {
	for name, args := range map[string][]string{
		"without -tls":                  {"-addr", "127.0.0.1:0", "-ca-file", "ca.pem"},
		"in a folder that is not there": {"-addr", "127.0.0.1:0", "-tls", "-ca-file", filepath.Join(t.TempDir(), "none", "ca.pem")},
	} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "-ca-file") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
