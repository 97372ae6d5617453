package aliyun_test

import (
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"backupportal/function/aliyun"
	"backupportal/function/backup"
)

// TestSDKDoesNotReadProxyVariables proves that calls work although NO_PROXY and the proxy
// variables have values that the SDK cannot parse. If the SDK read these variables, every call
// would fail.
func TestSDKDoesNotReadProxyVariables(t *testing.T) {
	server := newCloud(t, map[string]http.HandlerFunc{"AssumeRole": assumes(time.Hour), "CreateBackupJob": answer(200, success)})
	for _, variable := range [][2]string{
		{"NO_PROXY", "[fe80::"}, {"NO_PROXY", "+"}, {"no_proxy", "(10.0.0.0/8"}, {"NO_PROXY", "*"}, {"NO_PROXY", "*.svc.cluster.local"},
		{"HTTP_PROXY", "10.0.0.1:8888"}, {"http_proxy", "http://u:%zz@proxy"}, {"HTTPS_PROXY", "host:8888"}, {"https_proxy", ":::"},
		{"HTTP_PROXY", "127.0.0.1:19395"}, {"HTTPS_PROXY", "[::1]:3128"}, {"HTTPS_PROXY", "my_proxy:8080"},
	} {
		t.Run(variable[0]+"="+variable[1], func(t *testing.T) {
			t.Setenv(variable[0], variable[1])
			for _, call := range []backup.Call{instanceCall(), assumedCall()} {
				if _, err := clientOf(t, server.URL).CreateBackupJob(t.Context(), call); err != nil {
					t.Errorf("account %s: %v", call.Target.Account.Alias, err)
				}
			}
		})
	}
}

// tunnel starts a proxy and returns its URL, which contains a password. The proxy connects
// requests for any host to one server. It refuses requests without the password.
func tunnel(t *testing.T, to string) *url.URL {
	t.Helper()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Header.Get("Proxy-Authorization") != "Basic dTpDQU5BUlk=" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		out, err := net.Dial("tcp", to)
		if err != nil {
			t.Error(err)
			return
		}
		in, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(in, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { io.Copy(out, in); out.Close() }()
		go func() { io.Copy(in, out); in.Close() }()
	}))
	t.Cleanup(proxy.Close)
	return &url.URL{Scheme: "http", Host: proxy.Listener.Addr().String()}
}

// TestCallsUseTheConfiguredProxy proves that calls go through the configured proxy. If the
// proxy refuses, the error says that nothing was sent, and does not contain the proxy's
// password.
func TestCallsUseTheConfiguredProxy(t *testing.T) {
	handler := &cloud{}
	server := httptest.NewTLSServer(handler.serve(map[string]http.HandlerFunc{"CreateBackupJob": answer(200, success)}))
	defer server.Close()
	proxy := tunnel(t, server.Listener.Addr().String())
	for _, c := range []struct {
		user *url.Userinfo
		want error
	}{{url.UserPassword("u", "CANARY"), nil}, {url.UserPassword("u", "CANARY-2"), backup.ErrNotSent}, {nil, backup.ErrNotSent}} {
		address := *proxy
		address.User = c.user
		client := clientOf(t, "https://example.com", func(cfg *aliyun.Config) { // the certificate of httptest has this name
			cfg.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
			cfg.Proxy = http.ProxyURL(&address)
		})
		_, err := client.CreateBackupJob(t.Context(), instanceCall())
		if !errors.Is(err, c.want) || err != nil && strings.Contains(err.Error(), "CANARY") {
			t.Errorf("with %v: %v, want %v", c.user, err, c.want)
		}
	}
	if n := handler.count("CreateBackupJob"); n != 1 {
		t.Errorf("%d calls arrived", n)
	}
}
