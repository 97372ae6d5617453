package notify

import (
	"bufio"
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/secret"
)

func TestRedirectsAreNotFollowed(t *testing.T) {
	other := newServer(t, answerWith(http.StatusOK, "ok"))
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := newServer(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		err := newSender(t, config(receiverAt(backup.Slack, s.URL))).Send(t.Context(), notice(backup.EventFailed))
		if err == nil || !strings.Contains(err.Error(), "answered with status 3") || len(s.requests()) != 1 {
			t.Errorf("%d: %v, %d requests", status, err, len(s.requests()))
		}
	}
	if n := len(other.requests()); n != 0 {
		t.Errorf("%d requests were sent on", n)
	}
}

func TestProxiesOfTheEnvironmentAreNotUsed(t *testing.T) {
	proxy, s := newServer(t, answerWith(http.StatusOK, "ok")), newServer(t, answerWith(http.StatusOK, "ok"))
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	// net/http never uses a proxy for loopback, so a request cannot show whether there is a proxy.
	// The test checks that the client has none.
	if transport := newClient(newDialer(destinations{}), nil).Transport.(*http.Transport); transport.Proxy != nil {
		t.Error("the client has a proxy")
	}
	if err := newSender(t, config(receiverAt(backup.Slack, s.URL))).Send(t.Context(), notice(backup.EventFailed)); err != nil || len(proxy.requests()) != 0 {
		t.Errorf("%v, %d requests to the proxy", err, len(proxy.requests()))
	}
}

// raw starts a receiver that calls serve with each connection, and returns the receiver's URL.
func raw(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return "http://" + listener.Addr().String()
}

// closed returns a URL at which no server listens.
func closed(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(nil)
	s.Close()
	return s.URL
}

// TestErrorsContainNoSecret proves that every error describes the failure and contains neither an
// address nor a secret.
func TestErrorsContainNoSecret(t *testing.T) {
	tls := httptest.NewTLSServer(answerWith(http.StatusOK, "ok"))
	t.Cleanup(tls.Close)
	tls.Config.ErrorLog = nil
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	for _, c := range []struct{ name, address, want string }{
		{"a certificate that nobody knows", tls.URL, errCertificate.Error()},
		{"nobody listens", closed(t), errRefused.Error()},
		{"no such name", "https://nobody.invalid", errName.Error()},
		{"it hangs up", raw(t, func(c net.Conn) { c.Close() }), errBroken.Error()},
		{"it resets", raw(t, func(c net.Conn) { c.(*net.TCPConn).SetLinger(0); c.Close() }), errBroken.Error()},
		{"no HTTP", raw(t, func(c net.Conn) { c.Write([]byte("canary canary\r\n\r\n")); c.Close() }), errBroken.Error()},
		{"half an answer", raw(t, func(c net.Conn) { c.Write([]byte("HTTP/1.1 200 canary\r\nContent-Length: 9\r\n\r\nok")); c.Close() }), errBroken.Error()},
		{"it says nothing", raw(t, func(c net.Conn) { <-end; c.Close() }), errTimeout.Error()},
		{"it talks without end", raw(t, func(c net.Conn) {
			// The receiver must send a status line first. Otherwise the sender reports a broken
			// connection.
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
			}
			for _, err := c.Write(make([]byte, 1<<16)); err == nil; _, err = c.Write(make([]byte, 1<<16)) {
			}
			c.Close()
		}), "answer is not \"ok\""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.want == errTimeout.Error() {
				ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
				defer cancel()
			}
			err := newSender(t, config(receiverAt(backup.Slack, c.address))).Send(ctx, notice(backup.EventFailed))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			for _, secret := range []string{"canary", c.address, "127.0.0.1", "nobody.invalid"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("it tells %s: %v", secret, err)
				}
			}
		})
	}
}

func TestCertificateIsVerified(t *testing.T) {
	tls := httptest.NewTLSServer(answerWith(http.StatusOK, "ok"))
	t.Cleanup(tls.Close)
	cfg := config(receiverAt(backup.Slack, tls.URL))
	cfg.Roots = x509.NewCertPool()
	cfg.Roots.AddCert(tls.Certificate())
	if err := newSender(t, cfg).Send(t.Context(), notice(backup.EventFailed)); err != nil {
		t.Error(err)
	}
}

func TestInvalidReceivers(t *testing.T) {
	unsigned, plain, other, nowhere := receiverAt(backup.WebhookReceiver, "https://a.example.com"), receiverAt(backup.Slack, "http://127.0.0.1:1"), receiverAt("teams", "https://a.example.com"), receiverAt(backup.Slack, "")
	unsigned.Secret = secret.String{}
	for name, r := range map[string]backup.Receiver{"without a secret": unsigned, "without TLS": plain, "of no kind": other, "nowhere": nowhere} {
		cfg := config(r)
		cfg.Loopback = false
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "receiver r") || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := newSender(t, config()).Send(t.Context(), notice(backup.EventFailed)); err == nil || !strings.Contains(err.Error(), "no receiver r") {
		t.Errorf("one that is gone: %v", err)
	}
}

func TestReceiversByEventAndAccount(t *testing.T) {
	all, some := receiverAt(backup.Slack, "https://a.example.com"), receiverAt(backup.Slack, "https://a.example.com")
	all.Name = "all"
	some.Name, some.Events, some.Accounts = "some", []backup.Event{backup.EventFailed}, []string{"payments"}
	s := newSender(t, config(all, some))
	for _, c := range []struct {
		event   backup.Event
		account string
		want    string
	}{{backup.EventFailed, "payments", "all some"}, {backup.EventFailed, "demo", "all"}, {backup.EventCreated, "payments", "all"}} {
		if got := strings.Join(s.Receivers(c.event, c.account), " "); got != c.want {
			t.Errorf("%s in %s: %s, want %s", c.event, c.account, got, c.want)
		}
	}
	for _, c := range []struct {
		name, account string
		want          bool
	}{{"all", "demo", true}, {"some", "payments", true}, {"some", "demo", false}, {"none", "demo", false}} {
		if got := s.Takes(c.name, c.account); got != c.want {
			t.Errorf("%s takes messages about %s: %v", c.name, c.account, got)
		}
	}
	if got := strings.Join(s.All(), " "); got != "all some" {
		t.Errorf("all: %s", got)
	}
}
