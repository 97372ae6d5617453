package app

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"backupportal/function/event"
)

// TestHeadersHaveOneLimitOnEveryPlatform proves that every platform has the same limit for the
// headers of a request, and that the answer to larger headers names the limit.
func TestHeadersHaveOneLimitOnEveryPlatform(t *testing.T) {
	cfg, err := ReadConfig(func(name string) string {
		return map[string]string{
			"AUTH_MODE": "demo", "POLICY_FILE": "../../docs/policy.example.yaml", "DATABASE_URL": "sqlite:" + filepath.Join(t.TempDir(), "portal.db"),
		}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Wire(cfg, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(cfg, p)
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	plain := func(size int) (int, string) {
		c, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "GET /docs/api HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nX: %s\r\nConnection: close\r\n\r\n", strings.Repeat("a", size))
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(body)
	}
	call := func(query string, invoke func([]byte) (json.RawMessage, error)) func(int) (int, string) {
		return func(size int) (int, string) {
			answer, err := invoke(fmt.Appendf(nil, `{%s,"rawPath":"/docs/api","headers":{"Host":"localhost","Accept":"application/json","X":%q},"requestContext":{"http":{"method":"GET","sourceIp":"192.0.2.1"}}}`, query, strings.Repeat("a", size)))
			var got struct {
				StatusCode int
				Body       string
			}
			if err != nil || json.Unmarshal(answer, &got) != nil {
				t.Fatalf("%s, %v", answer, err)
			}
			return got.StatusCode, got.Body
		}
	}
	ctx := event.WithInvocation(t.Context(), event.Invocation{RequestID: "r"})
	for platform, ask := range map[string]func(int) (int, string){
		"plain server":     plain,
		"Function Compute": call(`"version":"v1"`, func(e []byte) (json.RawMessage, error) { return p.Handlers.FC(ctx, e) }),
		"Lambda":           call(`"version":"2.0","rawQueryString":""`, func(e []byte) (json.RawMessage, error) { return p.Handlers.Lambda(ctx, e) }),
	} {
		for size, want := range map[int]int{0: 200, 8000: 200, 8192: 431, 9000: 431, 15000: 431, 30000: 431, 200000: 431} {
			status, body := ask(size)
			if status != want {
				t.Errorf("%s: %d bytes: status %d, want %d", platform, size, status, want)
			}
			if want == 431 && (!strings.Contains(body, "urn:backup-portal:problem:headers-too-large") || !strings.Contains(body, "8 KB")) {
				t.Errorf("%s: %d bytes: %.200s", platform, size, body)
			}
		}
	}
}
