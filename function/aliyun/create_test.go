package aliyun_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/backup"
)

// dropConnection returns a fake operation that writes the text written, which is only a part of
// a response, and then closes the connection.
func dropConnection(w http.ResponseWriter, written string) {
	conn, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	buffered.WriteString(written)
	buffered.Flush()
	conn.Close()
}

func refusal(status int, code string) http.HandlerFunc {
	return answer(status, `{"RequestId":"R-1","HostId":"hbr.example","Code":`+code+`,"Message":"said no","Success":false,"AccessDeniedDetail":{"a":"b"}}`)
}

// TestCreateClassification calls CreateBackupJob once for each way in which the call can end,
// and checks the returned error. In every case exactly one request is sent, because a second
// request could start a second job.
func TestCreateClassification(t *testing.T) {
	refused, throttled, unknown, credentials := backup.ErrRefused, backup.ErrThrottled, backup.ErrUnknownOutcome, backup.ErrCredentials
	tests := []struct {
		name     string
		answer   http.HandlerFunc
		want     error
		code     string
		unlisted bool
		message  string
	}{
		{name: "numeric code", answer: answer(200, `{"Code":200,"Success":true,"JobId":"job-1","RequestId":"R-1"}`)},
		{name: "unknown fields", answer: answer(201, `{"Code":"200","Success":true,"JobId":"job-1","Extra":{"a":[1]},"RequestId":"R-1"}`)},
		{name: "refused with 200", answer: refusal(200, `"CrossAccountBackupSlrNotExist"`), want: refused, code: "CrossAccountBackupSlrNotExist", message: "said no"},
		{name: "no permission", answer: refusal(403, `"NoPermission"`), want: refused, code: "NoPermission", message: "said no"},
		{name: "forbidden", answer: refusal(403, `"Forbidden.RAM"`), want: refused, code: "Forbidden.RAM", message: "said no"},
		{name: "vault", answer: refusal(404, `"VaultNotExist"`), want: refused, code: "VaultNotExist", message: "said no"},
		{name: "parameter", answer: refusal(400, `"InvalidParameter.Retention"`), want: refused, code: "InvalidParameter.Retention", message: "said no"},
		{name: "clock", answer: refusal(400, `"InvalidTimeStamp.Expired"`), want: refused, code: "InvalidTimeStamp.Expired", message: "said no"},
		{name: "signature", answer: refusal(400, `"SignatureDoesNotMatch"`), want: refused, code: "SignatureDoesNotMatch", message: "said no"},
		{name: "numeric error code", answer: refusal(400, `400`), want: refused, code: "400", unlisted: true, message: "said no"},
		{name: "undocumented code", answer: refusal(409, `"JobRunning"`), want: refused, code: "JobRunning", unlisted: true, message: "said no"},
		{name: "undocumented code with 200", answer: refusal(200, `"JobRunning"`), want: refused, code: "JobRunning", unlisted: true, message: "said no"},
		{name: "code that is no word", answer: refusal(400, `"<b>no</b> way"`), want: refused, code: "Unreadable", unlisted: true, message: "said no"},
		{name: "throttled for a user", answer: refusal(400, `"Throttling.User"`), want: throttled, code: "Throttling.User", message: "said no"},
		{name: "throttled", answer: refusal(429, `"Throttling"`), want: throttled, code: "Throttling", message: "said no"},
		{name: "rejected for load", answer: refusal(200, `"Rejected.Throttling"`), want: throttled, code: "Rejected.Throttling", message: "said no"},
		{name: "throttling behind a server error", answer: refusal(503, `"Throttling"`), want: unknown, code: "Throttling"},
		{name: "key disabled", answer: refusal(403, `"InvalidAccessKeyId.Inactive"`), want: credentials, code: "InvalidAccessKeyId.Inactive", message: "said no"},
		{name: "token expired", answer: refusal(400, `"InvalidSecurityToken.Expired"`), want: credentials, code: "InvalidSecurityToken.Expired", message: "said no"},
		{name: "nonce used", answer: refusal(400, `"SignatureNonceUsed"`), want: unknown, code: "SignatureNonceUsed", message: "said no"},
		{name: "internal error", answer: refusal(500, `"InternalError"`), want: unknown, code: "InternalError"},
		{name: "internal error with 200", answer: refusal(200, `"InternalError"`), want: unknown, code: "InternalError", message: "said no"},
		{name: "unavailable", answer: refusal(400, `"ServiceUnavailable"`), want: unknown, code: "ServiceUnavailable", message: "said no"},
		{name: "timeout behind the gateway", answer: refusal(400, `"Backend.Timeout"`), want: unknown, code: "Backend.Timeout", message: "said no"},
		{name: "refusal with a server error", answer: refusal(500, `"NoPermission"`), want: unknown, code: "NoPermission"},
		{name: "page of a proxy", answer: answer(502, "<html>bad gateway</html>"), want: unknown},
		{name: "page not found", answer: answer(404, "<html>not found</html>"), want: unknown},
		{name: "page with 200", answer: answer(200, "<html>welcome</html>"), want: unknown},
		{name: "empty 503", answer: answer(503, ""), want: unknown},
		{name: "empty 200", answer: answer(200, ""), want: unknown},
		{name: "broken JSON", answer: answer(200, success[:len(success)-2]), want: unknown},
		{name: "text behind the JSON", answer: answer(200, success+"x"), want: unknown},
		{name: "a list", answer: answer(200, `[1]`), want: unknown},
		{name: "null", answer: answer(200, `null`), want: unknown},
		{name: "success without a job", answer: answer(200, `{"Code":"200","Success":true}`), want: unknown},
		{name: "success with half a job", answer: answer(200, `{"Code":"200","Success":true,"JobId":{"a":1}}`), want: unknown},
		{name: "success without a code", answer: answer(200, `{"Success":true,"JobId":"job-1"}`), want: unknown},
		{name: "success as text", answer: answer(200, `{"Code":"200","Success":"true","JobId":"job-1"}`), want: unknown},
		{name: "failure without a code", answer: answer(200, `{"Success":false}`), want: unknown},
		{name: "failure that says 200", answer: answer(200, `{"Success":false,"Code":"200"}`), want: unknown},
		{name: "400 without a code", answer: answer(400, `{"Code":{"a":1}}`), want: unknown},
		{name: "too large", answer: answer(200, success+strings.Repeat(" ", 1<<20)), want: unknown},
		{name: "cut before the answer", answer: func(w http.ResponseWriter, _ *http.Request) { dropConnection(w, "") }, want: unknown},
		{name: "cut in the headers", answer: func(w http.ResponseWriter, _ *http.Request) { dropConnection(w, "HTTP/1.1 200 OK\r\nConte") }, want: unknown},
		{name: "cut in the body", answer: func(w http.ResponseWriter, _ *http.Request) {
			dropConnection(w, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"+success)
		}, want: unknown},
		{name: "no HTTP", answer: func(w http.ResponseWriter, _ *http.Request) { dropConnection(w, "hello\r\n\r\n") }, want: unknown},
		{name: "cut behind the body", answer: func(w http.ResponseWriter, _ *http.Request) {
			const body = `{"Code":"200","Success":true,"JobId":"job-1","RequestId":"R-1"}`
			dropConnection(w, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := newCloud(t, map[string]http.HandlerFunc{"CreateBackupJob": test.answer})
			created, err := clientOf(t, server.URL).CreateBackupJob(t.Context(), instanceCall())
			if n := server.count(""); n != 1 {
				t.Errorf("%d requests arrived, want 1", n)
			}
			if test.want == nil {
				if want := (backup.Created{JobID: "job-1", RequestID: "R-1"}); err != nil || created != want {
					t.Errorf("CreateBackupJob = %v, %v, want %v", created, err, want)
				}
				return
			}
			failed := cloudError(t, err)
			if !errors.Is(failed, test.want) || failed.Code != test.code || failed.Unlisted != test.unlisted || failed.Message != test.message {
				t.Errorf("error = %v, unlisted %v, message %q; want %v with code %q", failed, failed.Unlisted, failed.Message, test.want, test.code)
			}
		})
	}
}

func TestCreateSendsParametersInBody(t *testing.T) {
	var query, form map[string][]string
	var header http.Header
	server := newCloud(t, map[string]http.HandlerFunc{"CreateBackupJob": func(w http.ResponseWriter, r *http.Request) {
		query, form, header = r.URL.Query(), r.PostForm, r.Header
		answer(200, success)(w, r)
	}})
	call := instanceCall()
	if _, err := clientOf(t, server.URL).CreateBackupJob(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{}
	for _, p := range call.Params.Parameters() {
		want[p.Name] = []string{p.Value}
	}
	if diff := cmp.Diff(want, form); diff != "" {
		t.Errorf("form differs (-want +got):\n%s", diff)
	}
	for name, value := range map[string]string{"Action": "CreateBackupJob", "Version": "2017-09-08", "RegionId": "cn-hangzhou", "AccessKeyId": keyMarker, "SecurityToken": tokenMarker} {
		if got := query[name]; len(got) != 1 || got[0] != value {
			t.Errorf("%s = %q, want %q", name, got, value)
		}
	}
	if got := header.Get("User-Agent"); !strings.HasSuffix(got, "Extra/backup-portal") {
		t.Errorf("User-Agent = %q", got)
	}
	if header.Get("Idempotency-Key") != "" {
		t.Error("Idempotency-Key was sent: the transport would send the POST again")
	}
}

func TestRetryAfterOfThrottledCall(t *testing.T) {
	for left, want := range map[string]time.Duration{"2000": 2 * time.Second, "90000": 20 * time.Second, "-1": 0, "soon": 0} {
		server := newCloud(t, map[string]http.HandlerFunc{"CreateBackupJob": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("x-ratelimit-user-api", "Limit:1,Remain:0,TimeLeft:"+left+",Reset:1234")
			refusal(400, `"Throttling.Api"`)(w, r)
		}})
		_, err := clientOf(t, server.URL).CreateBackupJob(t.Context(), instanceCall())
		if got := cloudError(t, err).RetryAfter; got != want {
			t.Errorf("TimeLeft:%s gives RetryAfter %v, want %v", left, got, want)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	elsewhere := newCloud(t, map[string]http.HandlerFunc{"": answer(200, success), "CreateBackupJob": answer(200, success)})
	for _, status := range []int{301, 302, 307, 308} {
		server := newCloud(t, map[string]http.HandlerFunc{"CreateBackupJob": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+r.URL.RequestURI(), status)
		}})
		_, err := clientOf(t, server.URL).CreateBackupJob(t.Context(), instanceCall())
		if !errors.Is(err, backup.ErrUnknownOutcome) || server.count("") != 1 {
			t.Errorf("%d: error = %v after %d requests, want an unknown outcome after 1", status, err, server.count(""))
		}
	}
	if n := elsewhere.count(""); n != 0 {
		t.Errorf("%d requests followed a redirect", n)
	}
}

// blockUntilCancelled returns a handler that responds only after the caller has cancelled.
func blockUntilCancelled(started chan<- struct{}) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done()
	}
}

// expiring is a context whose deadline passes when the test closes its channel, independently
// of the clock.
type expiring struct {
	context.Context
	over <-chan struct{}
}

func (e expiring) Done() <-chan struct{} { return e.over }

func (e expiring) Err() error {
	select {
	case <-e.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

func TestDeadlineAfterSendingIsUnknown(t *testing.T) {
	t.Run("deadline", func(t *testing.T) {
		started := make(chan struct{})
		server := newCloud(t, map[string]http.HandlerFunc{"CreateBackupJob": blockUntilCancelled(started)})
		_, err := clientOf(t, server.URL).CreateBackupJob(expiring{t.Context(), started}, instanceCall())
		if failed := cloudError(t, err); !errors.Is(err, backup.ErrUnknownOutcome) || failed.Cause != "timeout" {
			t.Errorf("error = %v, want an unknown outcome by timeout", err)
		}
	})
	t.Run("cancel", func(t *testing.T) {
		started := make(chan struct{})
		server := newCloud(t, map[string]http.HandlerFunc{"CreateBackupJob": blockUntilCancelled(started)})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-started; cancel() }()
		_, err := clientOf(t, server.URL).CreateBackupJob(ctx, instanceCall())
		if failed := cloudError(t, err); !errors.Is(err, backup.ErrUnknownOutcome) || failed.Cause != "cancelled" {
			t.Errorf("error = %v, want an unknown outcome by cancelling", err)
		}
	})
}

func TestInvalidCallsSendNothing(t *testing.T) {
	server := newCloud(t, map[string]http.HandlerFunc{"CreateBackupJob": answer(200, success)})
	client := clientOf(t, server.URL)
	over, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	gone := httptest.NewServer(nil)
	gone.Close()
	elsewhere, confused := instanceCall(), instanceCall()
	elsewhere.Target.Region = "cn-hangzhou.evil.example"
	confused.Target.Account.Access = "any"

	tests := map[string]struct {
		create func() (backup.Created, error)
		want   error
	}{
		"deadline over": {func() (backup.Created, error) { return client.CreateBackupJob(over, instanceCall()) }, backup.ErrNotSent},
		"nobody listens": {func() (backup.Created, error) {
			return clientOf(t, gone.URL).CreateBackupJob(t.Context(), instanceCall())
		}, backup.ErrNotSent},
		"strange region":  {func() (backup.Created, error) { return client.CreateBackupJob(t.Context(), elsewhere) }, backup.ErrRefused},
		"strange account": {func() (backup.Created, error) { return client.CreateBackupJob(t.Context(), confused) }, backup.ErrRefused},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := test.create(); !errors.Is(err, test.want) {
				t.Errorf("error = %v, want %v", err, test.want)
			}
		})
	}
	if n := server.count(""); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}
