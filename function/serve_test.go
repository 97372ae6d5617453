package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"backupportal/function/event"
)

// A pipe listener accepts the ends of pipes that it is given.
type pipeListener struct{ accepted chan net.Conn }

func (l pipeListener) Accept() (net.Conn, error) {
	if c, ok := <-l.accepted; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (l pipeListener) Close() error   { return nil }
func (l pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// Whoever sends headers or a body byte by byte holds a connection for seconds and
// not for ever, and reaches no handler without its headers. (T18; OWASP ASVS
// 4.2.x, 15.2.2.)
func TestSlowHeadersAreNotWaitedFor(t *testing.T) {
	for name, c := range map[string]struct {
		sent  string
		takes time.Duration
		heard bool
	}{
		"nothing":       {"", 5 * time.Second, false},
		"half a header": {"GET / HTTP/1.1\r\nHost: loc", 5 * time.Second, false},
		"half a body":   {"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf", 15 * time.Second, true},
		"a whole one":   {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", time.Minute, true}, // and no next one
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				heard := false
				handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					heard = true
					_, _ = io.ReadAll(r.Body)
				})
				listener := pipeListener{make(chan net.Conn)}
				server := newServer(plainServer, portal{doors: event.Doors{Web: handler}})
				done := make(chan error)
				go func() { done <- server.Serve(listener) }()
				client, conn := net.Pipe()
				listener.accepted <- conn
				go func() { _, _ = io.WriteString(client, c.sent) }()
				began := time.Now()
				_, _ = io.ReadAll(client)
				if took := time.Since(began); took != c.takes || heard != c.heard {
					t.Errorf("it was held for %v, want %v; the handler was asked: %v", took, c.takes, heard)
				}
				client.Close()
				close(listener.accepted)
				if err := <-done; !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
				server.Close()
			})
		})
	}
}
