package app

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"backupportal/function/event"
)

// A pipes is a listener in memory. Its connections use the fake clock of a synctest bubble.
type pipes struct {
	waiting chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.waiting:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// dial connects a client.
func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.waiting <- server
	return client
}

// TestSlowRequestsDoNotHoldTheServer proves that slow clients cannot occupy the server (threat
// T18). Three hundred connections that never complete their headers are closed after 5 seconds,
// and a body that does not arrive fails after 15 seconds. Other requests are answered
// meanwhile.
func TestSlowRequestsDoNotHoldTheServer(t *testing.T) {
	for on, name := range map[Platform]string{PlainServer: "plain", CustomRuntime: "custom runtime"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { slowRequests(t, on) })
		})
	}
}

func slowRequests(t *testing.T, on Platform) {
	read := make(chan error, 1) // result of the request with a slow body
	server := NewServer(Config{Platform: on}, App{Handlers: event.Handlers{Web: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); r.Method == http.MethodPost {
			read <- err
		}
	})}})
	listener := &pipes{waiting: make(chan net.Conn), closed: make(chan struct{})}
	var done sync.WaitGroup
	done.Go(func() { _ = server.Serve(listener) })
	defer func() {
		_ = server.Close()
		done.Wait()
		time.Sleep(time.Second) // fake time: the server waits after it closed a connection
	}()

	start := time.Now()
	var slow sync.WaitGroup
	for range 300 {
		c := listener.dial()
		slow.Go(func() {
			defer c.Close()
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
			_, _ = io.Copy(io.Discard, c) // until the server closes it
			if took := time.Since(start); took != 5*time.Second {
				t.Errorf("a connection without the end of its headers was held for %v", took)
			}
		})
	}
	c := listener.dial()
	defer c.Close()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	if answer, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || answer.StatusCode != http.StatusOK || time.Since(start) != 0 {
		t.Errorf("beside them: %v after %v", err, time.Since(start))
	}
	slow.Wait()

	start = time.Now()
	c = listener.dial()
	defer c.Close()
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nslow")
	if err, timeout := <-read, net.Error(nil); !errors.As(err, &timeout) || !timeout.Timeout() || time.Since(start) != 15*time.Second {
		t.Errorf("a body that does not come: %v after %v", err, time.Since(start))
	}

	c = listener.dial()
	defer c.Close()
	go func() {
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: "+strings.Repeat("x", 300<<10)+"\r\n\r\n")
	}()
	if answer, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("300 KiB of headers: %+v, %v", answer, err)
	}
}

// TestPlatformChecksHealthByAddress proves that a custom runtime answers GET /healthz for the
// address of the instance as for its own host, and that no other request and no other platform gets
// that exception.
func TestPlatformChecksHealthByAddress(t *testing.T) {
	const instance, site = "127.0.0.1:9000", "backup.example.com"
	public := &url.URL{Scheme: "https", Host: site}
	for _, c := range []struct {
		cfg          Config
		method, path string
		want         string // host that the portal sees
	}{
		{Config{Platform: CustomRuntime, PublicURL: public}, "GET", "/healthz", site},
		{Config{Platform: CustomRuntime, PublicURL: public}, "POST", "/healthz", instance},
		{Config{Platform: CustomRuntime, PublicURL: public}, "GET", "/readyz", instance},
		{Config{Platform: CustomRuntime}, "GET", "/healthz", instance},
		{Config{Platform: PlainServer, PublicURL: public}, "GET", "/healthz", instance},
	} {
		var got string
		web := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Host })
		r := httptest.NewRequest(c.method, c.path, nil)
		r.Host = instance
		NewServer(c.cfg, App{Handlers: event.Handlers{Web: web}}).Handler.ServeHTTP(httptest.NewRecorder(), r)
		if got != c.want || r.Host != instance {
			t.Errorf("%s %s on %s with PUBLIC_URL %v: the portal sees %q, want %q", c.method, c.path, c.cfg.Platform, c.cfg.PublicURL, got, c.want)
		}
	}
}
