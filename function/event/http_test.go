package event_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/event"
)

// An answer is the JSON object that a function returns to the platform as its HTTP answer.
type answer struct {
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Cookies         []string          `json:"cookies"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

func quiet() event.Handlers {
	return event.Handlers{Web: site(), Submit: submit, Log: slog.New(slog.DiscardHandler)}
}

// serve returns the answer of h to ev. It fails the test if there is an error.
func serve(t *testing.T, h http.Handler, ev string) answer {
	t.Helper()
	d := quiet()
	d.Web = h
	body, err := d.FC(t.Context(), []byte(ev))
	if err != nil {
		t.Fatalf("an HTTP event was answered with an error: %v", err)
	}
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		t.Fatalf("answer %q: %v", body, err)
	}
	if a.Headers == nil || a.StatusCode == 0 {
		t.Errorf("answer without headers or status: %s", body)
	}
	return a
}

// request returns the request that the handler gets for ev, and its body.
func request(t *testing.T, ev string) (r *http.Request, body string) {
	t.Helper()
	a := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, got *http.Request) {
		b, _ := io.ReadAll(got.Body)
		r, body = got, string(b)
	}), ev)
	if r == nil {
		t.Fatalf("the handler was not called: %+v", a)
	}
	return r, body
}

// fcEvent is the event that the vendor's documentation shows, corrected where real events differ.
const fcEvent = `{
  "version": "v1", "rawPath": "/a%2Fb", "body": "Hello FC!", "isBase64Encoded": false,
  "headers": {"header1": "value1", "Header2": "value1,value2", "Connection": "close", "keep-alive": "5",
    "x-fc-access-key-id": "evil", "X-Fc-Log-Type": "Tail", "Content-Length": "99", "Transfer-Encoding": "chunked", "Cookie": "s=1; t=2"},
  "queryParameters": {"parameter1": "value1", "parameter2": "value1,value2"},
  "unknown": {"requestContext": 1},
  "requestContext": {
    "accountId": "123456789012", "domainName": "id.cn-hangzhou.fcapp.run", "domainPrefix": "id", "triggerId": "t",
    "requestId": "", "time": "2023-09-05T06:41:11Z", "timeEpoch": "1693896071895",
    "http": {"method": "POST", "path": "/a/b", "protocol": "HTTP/1.0", "sourceIp": "2001:db8::1", "userAgent": "agent"}
  }
}`

func TestRequestOfFC(t *testing.T) {
	r, body := request(t, fcEvent)
	want := http.Header{"Header1": {"value1"}, "Header2": {"value1,value2"}, "Cookie": {"s=1; t=2"}}
	if diff := cmp.Diff(want, r.Header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	got := []any{r.Method, r.URL.String(), r.URL.Path, r.RequestURI, r.Host, r.RemoteAddr, r.Proto, r.ProtoMajor, r.ProtoMinor, r.ContentLength, body}
	wants := []any{"POST", "https://id.cn-hangzhou.fcapp.run/a%2Fb?parameter1=value1&parameter2=value1%2Cvalue2", "/a/b",
		"/a%2Fb?parameter1=value1&parameter2=value1%2Cvalue2", "id.cn-hangzhou.fcapp.run", "[2001:db8::1]:0", "HTTP/1.0", 1, 0, int64(9), "Hello FC!"}
	if diff := cmp.Diff(wants, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

// lambdaEvent is an HTTP request as AWS Lambda delivers it from a function URL.
const lambdaEvent = `{
  "version": "2.0", "routeKey": "$default", "rawPath": "/form", "rawQueryString": "q=a%26b+c&q=2",
  "cookies": ["s=1", "t=2"],
  "headers": {"host": "abc.lambda-url.eu-central-1.on.aws", "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"},
  "queryStringParameters": {"q": "a&b c,2"},
  "requestContext": {
    "accountId": "anonymous", "apiId": "abc", "stage": "$default", "routeKey": "$default", "domainName": "other.example",
    "requestId": "e1506fd5", "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1583348638390,
    "http": {"method": "POST", "path": "/form", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "agent"}
  },
  "body": "bj0zJm09JTI2", "isBase64Encoded": true
}`

func TestRequestOfLambda(t *testing.T) {
	r, body := request(t, lambdaEvent)
	want := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Sec-Fetch-Site": {"same-origin"}, "Cookie": {"s=1; t=2"}}
	if diff := cmp.Diff(want, r.Header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if r.RequestURI != "/form?q=a%26b+c&q=2" || r.Host != "abc.lambda-url.eu-central-1.on.aws" || body != "n=3&m=%26" || r.ContentLength != 9 {
		t.Errorf("uri %q, host %q, body %q, length %d", r.RequestURI, r.Host, body, r.ContentLength)
	}
}

func TestRequestURI(t *testing.T) {
	for name, c := range map[string]struct{ event, want string }{
		"empty path":             {`{"version":"v1","rawPath":""`, "/"},
		"s local's missing path": {`{"version":"v1","rawPath":"/x?null"`, "/x"},
		"s local's null query":   {`{"version":"v1","rawPath":"/x","queryParameters":{"null":""}`, "/x"},
		"null with another":      {`{"version":"v1","rawPath":"/x","queryParameters":{"null":"","a":"1"}`, "/x?a=1&null="},
		"two slashes":            {`{"version":"v1","rawPath":"//evil.example/x"`, "//evil.example/x"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := request(t, c.event+`,"requestContext":{"domainName":"d.example","http":{"method":"GET","protocol":"junk"}}}`)
			if r.RequestURI != c.want || r.URL.Host != "d.example" || r.Host != "d.example" || r.Proto != "HTTP/1.1" {
				t.Errorf("uri %q, want %q; host %q, proto %q", r.RequestURI, c.want, r.URL.Host, r.Proto)
			}
			if r.Body != http.NoBody || r.ContentLength != 0 {
				t.Errorf("body %v of %d bytes", r.Body, r.ContentLength)
			}
		})
	}
}

func TestUnreadableRequests(t *testing.T) {
	const context = `"requestContext":{"http":{"method":"POST"}}}`
	for name, ev := range map[string]string{
		"base64":      `{"version":"v1","rawPath":"/","body":"*","isBase64Encoded":true,` + context,
		"escape":      `{"version":"v1","rawPath":"/%zz",` + context,
		"no slash":    `{"version":"v1","rawPath":"x",` + context,
		"absolute":    `{"version":"v1","rawPath":"https://evil.example/",` + context,
		"space":       `{"version":"v1","rawPath":"/\u0000",` + context,
		"wrong types": `{"version":"v1","rawPath":"/","headers":["a"],"body":7,` + context,
	} {
		t.Run(name, func(t *testing.T) {
			a := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") }), ev)
			if a.StatusCode != 400 || !strings.Contains(a.Body, "<h1>400 Bad Request</h1>") || strings.Contains(a.Body, "evil") {
				t.Errorf("%+v", a)
			}
		})
	}
}

func TestProblemFormat(t *testing.T) {
	const end = `"body":"*","isBase64Encoded":true,"requestContext":{"http":{"method":"POST"}}}`
	for name, c := range map[string]struct {
		event string
		json  bool
	}{
		"api path":       {`{"version":"v1","rawPath":"/api/v1/backup-jobs",` + end, true},
		"accepts json":   {`{"version":"v1","rawPath":"/","headers":{"accept":"application/problem+json"},` + end, true},
		"sends json":     {`{"version":"v1","rawPath":"/webhooks/x","headers":{"content-type":"application/json"},` + end, true},
		"browser":        {`{"version":"v1","rawPath":"/","headers":{"Accept":"text/html,application/json;q=0.9"},` + end, false},
		"says nothing":   {`{"version":"v1","rawPath":"/",` + end, false},
		"path like apis": {`{"version":"v1","rawPath":"/apis",` + end, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := serve(t, site(), c.event)
			var p struct {
				Type, Title, Detail string
				Status              int
			}
			err := json.Unmarshal([]byte(a.Body), &p)
			if got := a.Headers["Content-Type"] == "application/problem+json"; got != c.json || got != (err == nil) {
				t.Fatalf("JSON = %v, want %v: %+v", got, c.json, a)
			}
			if c.json && (p.Status != 400 || p.Title != "Bad Request" || p.Type != "about:blank" || p.Detail == "") {
				t.Errorf("problem %+v", p)
			}
			if a.Headers["Cache-Control"] != "no-store" {
				t.Errorf("headers %v", a.Headers)
			}
		})
	}
}

func TestDeadlineMargin(t *testing.T) {
	for _, c := range []struct{ timeout, want time.Duration }{
		{30 * time.Second, 25 * time.Second},
		{10 * time.Second, 8 * time.Second},
		{3 * time.Second, 2400 * time.Millisecond}, // the default time limit of the platform
		{0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), c.timeout)
			defer cancel()
			got := time.Duration(-1)
			look := func(ctx context.Context) {
				deadline, _ := ctx.Deadline()
				got = time.Until(deadline)
			}
			d := quiet()
			d.Web = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { look(r.Context()) })
			d.Submit = func(ctx context.Context, _ event.Message) (json.RawMessage, error) { look(ctx); return nil, nil }
			d.FC(ctx, []byte(echoEvent))
			if got != c.want {
				t.Errorf("handler has %v of %v, want %v", got, c.timeout, c.want)
			}
			d.FC(ctx, []byte(`{}`))
			if got != c.want {
				t.Errorf("submission has %v of %v, want %v", got, c.timeout, c.want)
			}
		})
	}
}
