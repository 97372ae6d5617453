package event_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"backupportal/function/event"
	"backupportal/function/event/runtimetest"
)

// A front is one way in which a client's HTTP request reaches the tested handlers: a simulated
// platform or a plain server.
type front struct {
	name    string
	handler func(t *testing.T) http.Handler
	onFC    bool // a platform that can set at most one cookie
	plain   bool // a server without a function platform
	attach  bool // the default domain, which adds Content-Disposition: attachment
}

func fronts() []front {
	fc := func(make func(f *runtimetest.FC) http.Handler) func(*testing.T) http.Handler {
		return func(t *testing.T) http.Handler { return make(startFC(t)) }
	}
	gateway := func(g runtimetest.Gateway) func(*testing.T) http.Handler {
		return func(t *testing.T) http.Handler {
			l := &runtimetest.Lambda{}
			l.Start(t, self(t), runtimeVar+"=lambda")
			g.Function = l
			return &g
		}
	}
	handlers := event.Handlers{Web: site(), Submit: submit, Log: slog.New(slog.DiscardHandler)}
	return []front{
		{name: "fc default domain", onFC: true, attach: true, handler: fc(func(f *runtimetest.FC) http.Handler {
			return &runtimetest.FCTrigger{Function: f}
		})},
		{name: "fc custom domain", onFC: true, handler: fc(func(f *runtimetest.FC) http.Handler {
			return &runtimetest.FCTrigger{Function: f, Domain: "backup.example.com"}
		})},
		{name: "fc all base64", onFC: true, handler: fc(func(f *runtimetest.FC) http.Handler {
			return &runtimetest.FCTrigger{Function: f, Domain: "backup.example.com", EncodeBodies: true}
		})},
		{name: "fc lower-case headers", onFC: true, handler: fc(func(f *runtimetest.FC) http.Handler {
			return &runtimetest.FCTrigger{Function: f, Domain: "backup.example.com", LowerCaseHeaders: true}
		})},
		{name: "lambda function url", handler: func(t *testing.T) http.Handler {
			l := &runtimetest.Lambda{}
			l.Start(t, self(t), runtimeVar+"=lambda")
			return &runtimetest.FunctionURL{Function: l}
		}},
		{name: "lambda behind a REST API", handler: gateway(runtimetest.Gateway{})},
		{name: "lambda behind a load balancer", handler: gateway(runtimetest.Gateway{LoadBalancer: true})},
		{name: "plain server", plain: true, handler: func(*testing.T) http.Handler {
			return event.StripPlatformHeaders(event.Recover(handlers.Web, handlers.Log))
		}},
		{name: "custom runtime", plain: true, handler: func(*testing.T) http.Handler { return handlers.CustomRuntime() }},
	}
}

func startFC(t *testing.T) *runtimetest.FC {
	t.Helper()
	f := &runtimetest.FC{Credentials: runtimetest.Credentials{AccessKeyID: "key-1", AccessKeySecret: "hunter2", SecurityToken: "token-1"}}
	f.Start(t, self(t), runtimeVar+"=fc")
	t.Cleanup(func() { // registered after Start, so it runs before the process ends
		if strings.Contains(f.Output(), "DATA RACE") {
			t.Error("the function has a data race")
		}
	})
	return f
}

// TestFronts proves that the same HTTP requests get the same answers on every platform. The
// SDKs' real loops process the events.
func TestFronts(t *testing.T) {
	for _, f := range fronts() {
		t.Run(f.name, func(t *testing.T) {
			s := httptest.NewServer(f.handler(t))
			t.Cleanup(s.Close)
			c := client{t, s.URL, f}
			c.query()
			c.jsonBody()
			c.form()
			c.page()
			c.head()
			c.binary()
			c.missing()
			c.panics()
			c.cookies()
			c.injection()
		})
	}
}

type client struct {
	*testing.T
	url string
	front
}

type reply struct {
	*http.Response
	body []byte
}

func (c client) do(method, path, contentType, body string, headers ...string) reply {
	c.Helper()
	r, err := http.NewRequestWithContext(c.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(r) // RoundTrip follows no redirect
	if err != nil {
		c.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		c.Fatalf("%s %s: %v", method, path, err)
	}
	if got := res.Header.Get("Content-Disposition"); (got == "attachment") != c.attach {
		c.Errorf("%s %s: Content-Disposition %q", method, path, got)
	}
	return reply{res, b}
}

func (c client) echo(method, query, contentType, body string, headers ...string) (s seen) {
	c.Helper()
	r := c.do(method, "/echo"+query, contentType, body, headers...)
	if err := json.Unmarshal(r.body, &s); err != nil {
		c.Fatalf("echo: %d %q: %v", r.StatusCode, r.body, err)
	}
	return s
}

func (c client) query() {
	s := c.echo("GET", "?q=a%26b+c&r=x,y&u=%E5%A4%87", "", "")
	for name, want := range map[string]string{"q": "a&b c", "r": "x,y", "u": "备"} {
		if got := s.Query[name]; len(got) != 1 || got[0] != want {
			c.Errorf("query %s = %q, want %q", name, got, want)
		}
	}
	if want := strings.TrimPrefix(c.url, "http://"); s.Host != want {
		c.Errorf("Host = %q, want %q", s.Host, want)
	}
	// In the custom runtime the peer is the platform, which does not report the client's address.
	if platform := c.front.name == "custom runtime"; platform != (s.Remote == "") || !platform && !strings.HasPrefix(s.Remote, "127.0.0.1:") {
		c.Errorf("RemoteAddr = %q", s.Remote)
	}
	if s.Header.Get("Connection") != "" || s.Header.Get("Host") != "" {
		c.Errorf("headers of the connection reached the handler: %v", s.Header)
	}
}

func (c client) jsonBody() {
	body := `{"a":"备份 <&>"}`
	s := c.echo("POST", "", "application/json", body, "Cookie", "s=1; t=2")
	if s.Body != body || s.Length != int64(len(body)) {
		c.Errorf("body = %q (%d)", s.Body, s.Length)
	}
	if got := s.Header.Get("Cookie"); got != "s=1; t=2" {
		c.Errorf("Cookie = %q", got)
	}
	if got := s.Header.Get("Content-Type"); got != "application/json" {
		c.Errorf("Content-Type = %q", got)
	}
}

func (c client) form() {
	r := c.do("POST", "/form", "application/x-www-form-urlencoded", "note=a%26b&x=1")
	if r.StatusCode != 303 || r.Header.Get("Location") != "/done?n=3&m=4" {
		c.Errorf("form: %d to %q", r.StatusCode, r.Header.Get("Location"))
	}
	if got := r.Header.Values("Set-Cookie"); len(got) != 1 || got[0] != "flash=a&b; Path=/" {
		c.Errorf("form: cookies %q", got)
	}
}

func (c client) page() {
	r := c.do("GET", "/page", "", "")
	if r.StatusCode != 200 || string(r.body) != page || r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		c.Errorf("page: %d %q %q", r.StatusCode, r.Header.Get("Content-Type"), r.body)
	}
}

func (c client) head() {
	r := c.do("HEAD", "/page", "", "")
	if r.StatusCode != 200 || len(r.body) != 0 || r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		c.Errorf("head: %d %q %q", r.StatusCode, r.Header.Get("Content-Type"), r.body)
	}
}

func (c client) binary() {
	r := c.do("GET", "/binary", "", "")
	if r.StatusCode != 200 || !bytes.Equal(r.body, binary) || r.Header.Get("Content-Type") == "application/json" {
		c.Errorf("binary: %d %q %q", r.StatusCode, r.Header.Get("Content-Type"), r.body)
	}
}

func (c client) missing() {
	if r := c.do("GET", "/2023-03-30/functions/x/invocations", "", ""); r.StatusCode != 404 {
		c.Errorf("missing: %d", r.StatusCode)
	}
}

func (c client) panics() {
	for _, path := range []string{"/panic", "/abort"} {
		r := c.do("GET", path, "", "", "Accept", "text/html")
		if r.StatusCode != 500 || !strings.Contains(string(r.body), "<h1>500") ||
			r.Header.Get("X-Half") != "" || r.Header.Get("X-Fc-Error-Type") != "" || bytes.Contains(r.body, []byte("secret")) {
			c.Errorf("%s: %d %v %q", path, r.StatusCode, r.Header, r.body)
		}
	}
}

func (c client) cookies() {
	r := c.do("GET", "/cookies", "", "")
	want, cookies := 200, 2
	if c.onFC {
		want, cookies = 500, 0
	}
	if got := r.Header.Values("Set-Cookie"); r.StatusCode != want || len(got) != cookies {
		c.Errorf("cookies: %d %q", r.StatusCode, got)
	}
}

func (c client) injection() {
	s := c.echo("GET", "", "", "", "X-Fc-Access-Key-Id", "evil", "x-fc-request-id", "evil")
	for name := range s.Header {
		if strings.HasPrefix(strings.ToLower(name), "x-fc-") {
			c.Errorf("%s reached the handler", name)
		}
	}
	// The custom runtime trusts these headers, because only the platform can send requests to it.
	if c.front.name != "custom runtime" && (s.RequestID == "evil" || s.Key == "evil") {
		c.Errorf("a client pretended to be the platform: %+v", s)
	}
}
