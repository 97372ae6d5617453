package aliyun_test

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"backupportal/function/aliyun"
	"backupportal/function/backup"
)

func TestEndpointChecks(t *testing.T) {
	for address, ok := range map[string]bool{
		"http://127.0.0.1:9100": true, "http://[::1]:9100": true, "http://localhost:9100/": true, "https://hbr.internal.example": true,
		"http://hbr.internal.example": false, "http://127.0.0.1.evil.example": false, "ftp://localhost": false,
		"https://user@hbr.example": false, "https://hbr.example/path": false, "https://hbr.example?x=1": false, "localhost:9100": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := aliyun.New(aliyun.Config{Endpoint: u}); (err == nil) != ok {
			t.Errorf("New with endpoint %s: error = %v, want ok %v", address, err, ok)
		}
	}
}

func TestCAMustHaveCertificates(t *testing.T) {
	if _, err := aliyun.New(aliyun.Config{CA: []byte("not PEM")}); err == nil {
		t.Error("New took roots that are no certificates")
	}
}

func TestDefaultEndpointIsHTTPS(t *testing.T) {
	for region, want := range map[string]struct{ backup, token, instances string }{
		"cn-hangzhou":           {"https://hbr.cn-hangzhou.aliyuncs.com", "https://sts.cn-hangzhou.aliyuncs.com", "https://ecs.cn-hangzhou.aliyuncs.com"},
		"cn-shanghai-finance-1": {"https://hbr.cn-shanghai-finance-1.aliyuncs.com", "https://sts.cn-shanghai-finance-1.aliyuncs.com", "https://ecs.cn-shanghai-finance-1.aliyuncs.com"},
		"ap-southeast-6":        {"https://hbr.ap-southeast-6.aliyuncs.com", "https://sts.aliyuncs.com", "https://ecs.ap-southeast-6.aliyuncs.com"},
		"cn-hangzhou-finance":   {"https://hbr.cn-hangzhou-finance.aliyuncs.com", "https://sts.aliyuncs.com", "https://ecs.aliyuncs.com"},
		"cn-shenzhen-finance-1": {"https://hbr.cn-shenzhen-finance-1.aliyuncs.com", "https://sts.aliyuncs.com", "https://ecs-cn-hangzhou.aliyuncs.com"},
	} {
		var asked []string
		client, err := aliyun.New(aliyun.Config{Credentials: ownKeys, Proxy: func(r *http.Request) (*url.URL, error) {
			asked = append(asked, r.URL.Scheme+"://"+r.URL.Host)
			return nil, errors.New("nothing leaves a test")
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range []backup.Call{instanceCall(), assumedCall()} {
			call.Target.Region = region
			if _, err := client.CreateBackupJob(t.Context(), call); !errors.Is(err, backup.ErrNotSent) {
				t.Fatalf("error = %v, want not sent", err)
			}
		}
		target := instanceCall().Target
		target.Region = region
		if _, err := client.DescribeInstances(t.Context(), target, []string{"i-1"}); !errors.Is(err, backup.ErrNotSent) {
			t.Fatalf("error = %v, want not sent", err)
		}
		if len(asked) != 3 || asked[0] != want.backup || asked[1] != want.token || asked[2] != want.instances {
			t.Errorf("%s: asked %q, want %v", region, asked, want)
		}
	}
}

func TestCertificatesAreChecked(t *testing.T) {
	handler := &cloud{}
	server := httptest.NewUnstartedServer(handler.serve(map[string]http.HandlerFunc{"CreateBackupJob": answer(200, success)}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	roots := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})

	_, err := clientOf(t, server.URL).CreateBackupJob(t.Context(), instanceCall())
	if failed := cloudError(t, err); !errors.Is(err, backup.ErrNotSent) || failed.Cause != "certificate not trusted" || handler.count("") != 0 {
		t.Errorf("error = %v, want not sent for the certificate", err)
	}
	trusting := clientOf(t, server.URL, func(cfg *aliyun.Config) { cfg.CA = roots })
	if _, err := trusting.CreateBackupJob(t.Context(), instanceCall()); err != nil {
		t.Errorf("with the right roots: %v", err)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	server := httptest.NewUnstartedServer(answer(200, success))
	server.TLS = &tls.Config{MaxVersion: tls.VersionTLS11}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	roots := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	client := clientOf(t, server.URL, func(cfg *aliyun.Config) { cfg.CA = roots })
	if _, err := client.CreateBackupJob(t.Context(), instanceCall()); !errors.Is(err, backup.ErrNotSent) {
		t.Errorf("error = %v, want not sent", err)
	}
}

func TestNoCredentialsSendNothing(t *testing.T) {
	server := newCloud(t, nil)
	tests := map[string]struct {
		keys func(context.Context) (aliyun.Credentials, error)
		want error
		code string
	}{
		"no function": {nil, backup.ErrCredentials, "portal.NoCredentials"},
		"empty":       {func(context.Context) (aliyun.Credentials, error) { return aliyun.Credentials{}, nil }, backup.ErrCredentials, "portal.NoCredentials"},
		"no secret": {func(context.Context) (aliyun.Credentials, error) {
			return aliyun.Credentials{AccessKeyID: keyMarker}, nil
		}, backup.ErrCredentials, "portal.NoCredentials"},
		"error": {func(context.Context) (aliyun.Credentials, error) {
			return aliyun.Credentials{}, errors.New(secretMarker)
		}, backup.ErrNotSent, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			client := clientOf(t, server.URL, func(cfg *aliyun.Config) { cfg.Credentials = test.keys })
			for _, call := range []backup.Call{instanceCall(), assumedCall()} {
				_, err := client.CreateBackupJob(t.Context(), call)
				if failed := cloudError(t, err); !errors.Is(err, test.want) || failed.Code != test.code {
					t.Errorf("error = %v, want %v with code %q", err, test.want, test.code)
				}
			}
		})
	}
	if n := server.count(""); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	if client := clientOf(t, server.URL); client.Explain("portal.NoCredentials").Means.En == "" {
		t.Error("the code has no explanation")
	}
}

// TestFrozenInstanceSendsNothingAfterDeadline proves that a request is not sent if the platform
// freezes the instance while it connects, until after the deadline. The timer of the context
// does not run during a freeze. Only the wall clock shows that the deadline has passed.
func TestFrozenInstanceSendsNothingAfterDeadline(t *testing.T) {
	server := newCloud(t, map[string]http.HandlerFunc{"CreateBackupJob": answer(200, success)})
	var c clock
	frozen := clientOf(t, server.URL, func(cfg *aliyun.Config) {
		cfg.Now = c.now
		cfg.Proxy = func(*http.Request) (*url.URL, error) { c.advance(time.Hour); return nil, nil }
	})
	_, err := frozen.CreateBackupJob(t.Context(), instanceCall())
	if failed := cloudError(t, err); !errors.Is(err, backup.ErrNotSent) || failed.Cause != "the deadline had passed" {
		t.Errorf("error = %v, want not sent because it is late", err)
	}
	if n := server.count(""); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

// TestNothingIsSentAfterUntil proves that nothing is sent after the time Call.Until, even if
// the context of the call ends later.
func TestNothingIsSentAfterUntil(t *testing.T) {
	server := newCloud(t, map[string]http.HandlerFunc{"CreateBackupJob": answer(200, success)})
	var c clock
	client := clientOf(t, server.URL, func(cfg *aliyun.Config) { cfg.Now = c.now })
	call := instanceCall()
	call.Until = c.now().Add(time.Minute)
	if _, err := client.CreateBackupJob(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	c.advance(time.Minute)
	if _, err := client.CreateBackupJob(t.Context(), call); !errors.Is(err, backup.ErrNotSent) {
		t.Errorf("error = %v, want not sent", err)
	}
	if n := server.count(""); n != 1 {
		t.Errorf("%d requests arrived, want 1", n)
	}
}

// TestParallelCallsShareConnections proves that parallel calls use the same connections and
// have no data races. The SDK alone would open new connections, and its clients have data
// races.
func TestParallelCallsShareConnections(t *testing.T) {
	server := newCloud(t, map[string]http.HandlerFunc{"CreateBackupJob": answer(200, success)})
	client := clientOf(t, server.URL)
	const callers, calls = 50, 10
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range calls {
				if _, err := client.CreateBackupJob(t.Context(), instanceCall()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := server.count(""); n != callers*calls {
		t.Errorf("%d requests arrived, want %d", n, callers*calls)
	}
	server.mu.Lock()
	defer server.mu.Unlock()
	if server.conns > 2*callers {
		t.Errorf("%d connections for %d calls, want about %d", server.conns, callers*calls, callers)
	}
}
