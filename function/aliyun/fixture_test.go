package aliyun_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"backupportal/function/aliyun"
	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/secret"
)

// A cloud is a fake of the cloud: an HTTP server with configured responses, which records its
// calls.
type cloud struct {
	*httptest.Server
	mu    sync.Mutex
	calls []url.Values // query and form together
	conns int          // connections accepted
}

// newCloud starts a fake cloud with one handler for each operation.
func newCloud(t *testing.T, answers map[string]http.HandlerFunc) *cloud {
	t.Helper()
	c := &cloud{}
	c.Server = httptest.NewUnstartedServer(c.serve(answers))
	c.Config.ConnState = c.countConn
	c.Start()
	t.Cleanup(c.Close)
	return c
}

func (c *cloud) serve(answers map[string]http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			panic(http.ErrAbortHandler) // an incomplete request is not counted
		}
		c.mu.Lock()
		c.calls = append(c.calls, r.Form)
		c.mu.Unlock()
		answers[r.Form.Get("Action")](w, r)
	}
}

func (c *cloud) countConn(_ net.Conn, state http.ConnState) {
	if state == http.StateNew {
		c.mu.Lock()
		c.conns++
		c.mu.Unlock()
	}
}

// count returns the number of calls of action, or of all calls if action is empty.
func (c *cloud) count(action string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range c.calls {
		if action == "" || call.Get("Action") == action {
			n++
		}
	}
	return n
}

// call returns the parameters of call n, counted from 0.
func (c *cloud) call(t *testing.T, n int) url.Values {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if n >= len(c.calls) {
		t.Fatalf("%d calls arrived, want more than %d", len(c.calls), n)
	}
	return c.calls[n]
}

// answer returns a handler that always responds with this status and body.
func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		w.Write([]byte(body))
	}
}

const success = `{"Code":"200","Message":"successful","RequestId":"25F49E7B-7E39-542E-83AD-62E6E7F73786","Success":true,"JobId":"job-000csy09q50a2jdcbwbo"}`

// The portal's own access key in tests. Each part contains a marker text, so that tests can
// check that no error and no log contains a part of the key.
const (
	keyMarker    = "LTAI-MARKER-key"
	secretMarker = "MARKER/secret+own="
	tokenMarker  = "MARKER/token+own=="
)

func ownKeys(context.Context) (aliyun.Credentials, error) {
	return aliyun.Credentials{AccessKeyID: keyMarker, AccessKeySecret: secret.New(secretMarker), SecurityToken: secret.New(tokenMarker)}, nil
}

// clientOf returns a Client that sends every request to the server at address.
func clientOf(t *testing.T, address string, change ...func(*aliyun.Config)) *aliyun.Client {
	t.Helper()
	endpoint, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	cfg := aliyun.Config{Endpoint: endpoint, Credentials: ownKeys}
	for _, f := range change {
		f(&cfg)
	}
	client, err := aliyun.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

const submissionID = "abcdefghijklmnopqrstuvwxyz"

// instanceCall returns the input of a backup of an instance in the portal's own account.
func instanceCall() backup.Call {
	params := param.Params{"Account": "own", "Region": "cn-hangzhou", "InstanceId": "i-bp1abc", "Retention": "7"}.WithDefaults()
	params["JobName"] = "web01-" + submissionID
	return backup.Call{
		Target: backup.Target{
			Account: backup.Account{Alias: "own", ID: "1000000000000001", Access: backup.Own}, Region: "cn-hangzhou",
			Principal: identity.Principal{Issuer: "https://issuer.example", Subject: "u1", Name: "alice@example.com"},
		},
		Params: params,
	}
}

// assumedCall returns the input of instanceCall for an account with the access assume_role.
func assumedCall() backup.Call {
	call := instanceCall()
	call.Target.Account = backup.Account{Alias: "payments", ID: "2000000000000002", Access: backup.AssumeRole,
		Role: "backup-operator", ExternalID: secret.New("MARKER-external")}
	return call
}

// cloudError returns err as a CloudError, or fails the test.
func cloudError(t *testing.T, err error) *backup.CloudError {
	t.Helper()
	failed, ok := errors.AsType[*backup.CloudError](err)
	if !ok {
		t.Fatalf("error = %v, want a CloudError", err)
	}
	return failed
}

// clock is a wall clock that the test sets.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

func contains(text string, markers ...string) string {
	for _, m := range markers {
		if strings.Contains(text, m) || strings.Contains(text, url.QueryEscape(m)) {
			return m
		}
	}
	return ""
}
