package web_test

import (
	"testing"

	"backupportal/web"
)

// TestOnlyLoopbackIsOnLoopback proves that OnLoopback returns true only for a complete host of
// this machine. A name that only starts like one, such as localhost.evil.example, belongs to
// another site.
func TestOnlyLoopbackIsOnLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:9000": true, "127.0.0.1": true, "127.0.0.1:1": true, "127.0.0.1:65535": true, "127.1.2.3:80": true, "[::1]": true, "[::1]:9000": true,

		"127.0.0.1:9000.evil.example": false, "localhost:9000.evil.example": false, "[::1]:9000.evil.example": false, "127.0.0.1.evil.example": false,
		"localhost.evil.example": false, "localhost.": false, "127.0.0.1.": false, "localhost.:9000": false,
		"localhost:": false, "127.0.0.1:": false, "[::1]:": false, "localhost:0": false, "localhost:65536": false, "localhost:99999999999999999999": false, "localhost:+80": false,
		"localhost:-1": false, "localhost: 80": false, "localhost:80 ": false, "localhost:080": false, "localhost:0x50": false, "localhost:８０": false, "localhost:http": false,
		"localhost:80:80": false, "localhost::80": false, ":80": false, ":": false, "": false, " localhost": false,
		"[::1]x": false, "[::1]x:80": false, "[::1": false, "::1": false, "::1:9000": false, "::1]": false, "127.0.0.1]": false, "[127.0.0.1]": false, "[localhost]": false, "[]": false, "[": false, "]": false,
		"[::1%lo]": false, "[::1%25lo]:80": false, "[fe80::1]": false, "[[::1]]": false, "[::1]]": false,
		"user@localhost": false, "localhost@evil.example": false, "localhost:80@evil.example": false, "127.0.0.1:80@evil.example:80": false,
		"localhost/": false, "localhost/x": false, "localhost?x": false, "localhost#x": false, `localhost\x`: false, "localhost%2eevil.example": false,
		"127.1": false, "127.0.0.01": false, "0x7f.0.0.1": false, "2130706433": false, "0.0.0.0": false, "128.0.0.1": false, "10.0.0.1:9000": false, "evil.example": false,
	} {
		if got := web.OnLoopback(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

// TestMalformedHostsAreNobodys proves that a malformed Host header is answered with 421, even
// if the server's own Host function accepts every name.
func TestMalformedHostsAreNobodys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.Host = func(string) bool { return true } // on Function Compute every name is accepted
	w.handler = w.server.Handler()
	for host, want := range map[string]int{
		"localhost": 200, "x.fcapp.run": 200, "x.fcapp.run:443": 200, "[2001:db8::1]:443": 200,
		"x.fcapp.run:": 421, "x.fcapp.run:443.evil.example": 421, "x:0": 421, "u@x": 421, "[::1]x": 421, ":443": 421,
	} {
		if got := w.ask("GET", "/", "", "", "Host", host).Code; got != want {
			t.Errorf("%q: %d, want %d", host, got, want)
		}
	}
}
