package checks

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A front is the portal behind a TLS server under a host name. Browsers send the header
// Sec-Fetch-Site to such a name only over HTTPS.
type front struct {
	url, port string

	mu   sync.Mutex
	seen []passage
}

// A passage is one request to the front and the status of the portal's answer.
type passage struct {
	method, path, from string // from is the header Sec-Fetch-Site
	status             int
}

// The browser resolves these host names to this machine. They belong to two sites: shop.test and
// evil.test.
const (
	ours    = "portal.shop.test"
	sibling = "blog.shop.test"
	foreign = "www.evil.test"
)

func newFront(t *testing.T, p *portal) *front {
	t.Helper()
	to, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, // SetURL also replaces the Host header
		ModifyResponse: func(res *http.Response) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			request := res.Request
			site := request.Header.Get("Sec-Fetch-Site")
			f.seen = append(f.seen, passage{request.Method, request.URL.Path, site, res.StatusCode})
			return nil
		},
	}
	s := httptest.NewTLSServer(proxy)
	t.Cleanup(s.Close)
	f.port = s.URL[strings.LastIndexByte(s.URL, ':'):]
	f.url = "https://" + ours + f.port
	return f
}

// came waits until a request with this method and path arrives, and returns the request with the
// status of its answer.
func (f *front) came(b *tab, method, path string) passage {
	b.Helper()
	for end := time.Now().Add(soon); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		f.mu.Lock()
		for _, p := range f.seen {
			if p.method == method && p.path == path {
				f.mu.Unlock()
				return p
			}
		}
		f.mu.Unlock()
	}
	b.Fatalf("%s %s never came to the portal", method, path)
	return passage{}
}

// formOf returns the fields of a form that the portal accepts. The form has the given name and a
// new key.
func formOf(name string) url.Values {
	return url.Values{
		"SourceType": {"UDM_ECS"}, "Account": {"demo"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb01"},
		"Retention": {"7"}, "JobName": {name}, "key": {unique("key")},
	}
}

// sendsItself returns a page with the form of formOf. The page submits the form as soon as it is
// shown.
func sendsItself(to, name string) string {
	page := `<form method="post" action="` + to + `/backups">`
	for field, values := range formOf(name) {
		page += fmt.Sprintf(`<input name="%s" value="%s">`, field, html.EscapeString(values[0]))
	}
	return page + `</form><script>document.forms[0].submit()</script>`
}

// TestOtherSitesCannotStartBackups proves that a form starts a backup only if a page of the
// portal submits it. The same form on a page of another site, a sibling domain, another port,
// or in a frame without an origin starts nothing. The emulator's list of received calls shows
// that (threat T4; OWASP ASVS 3.5.1–3.5.3).
func TestOtherSitesCannotStartBackups(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, host, from string
		page             func(to, name string) string
	}{
		{"another site", foreign, "cross-site", sendsItself},
		{"a sibling", sibling, "same-site", sendsItself},
		{"another port", ours, "same-site", sendsItself},
		{"a frame without an origin", foreign, "cross-site", func(to, name string) string {
			return `<iframe sandbox="allow-forms allow-scripts" srcdoc="` + html.EscapeString(sendsItself(to, name)) + `"></iframe>`
		}},
		{"a script of a sibling", sibling, "same-site", func(to, name string) string {
			body := fmt.Sprintf(`{"Account":"demo","Region":"cn-hangzhou","InstanceId":"i-bp1demoweb01","Retention":7,"JobName":%q}`, name)
			return fmt.Sprintf(`<script>
				const send = (address, rest) => fetch(address, {method: "POST", credentials: "include", ...rest}).catch(() => 0);
				send(%q, {mode: "no-cors", body: new URLSearchParams(%q)});
				send(%q, {headers: {"Content-Type": "application/json"}, body: %q});
			</script>`, to+"/backups", formOf(name).Encode(), to+"/api/v1/backup-jobs", body)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFront(t, busy) // created before the tab, so that the cleanup stops the front after the tab
			b := newTab(t)
			label := unique("hostile")
			site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/" {
					w.Header().Set("Content-Type", "text/html")
					fmt.Fprint(w, "<!doctype html>"+test.page(f.url, label))
				}
			}))
			t.Cleanup(site.Close)
			b.fine = append(b.fine, "status of 403", "status of 405", "blocked by CORS", "frame-ancestors", "ERR_FAILED", "NotSameOrigin")
			b.do(chromedp.Navigate("https://" + test.host + site.URL[strings.LastIndexByte(site.URL, ':'):] + "/"))
			if got := f.came(b, "POST", "/backups"); got.status != http.StatusForbidden || got.from != test.from {
				t.Errorf("the portal heard of a request that is %q and answered %d", got.from, got.status)
			}
			if test.name == "a script of a sibling" {
				if got := f.came(b, "OPTIONS", "/api/v1/backup-jobs"); got.status < 400 {
					t.Errorf("the question whether the script may send JSON was answered %d", got.status)
				}
			}
			if calls := busy.created(t, label); len(calls) != 0 {
				t.Errorf("the cloud received %d calls", len(calls))
			}
			// The portal's own page makes a backup, which proves that the form is valid.
			b.do(chromedp.Navigate(f.url + "/backups/new/UDM_ECS"))
			b.turned(func() {
				get[bool](b, js(`fields => {
					const form = document.createElement("form");
					form.method = "post";
					form.action = "/backups";
					for (const name in fields) form.append(Object.assign(document.createElement("input"), {name, value: fields[name][0]}));
					document.body.append(form);
					form.submit();
					return true;
				}`, formOf(label)))
			})
			if calls := busy.created(t, label); len(calls) != 1 {
				t.Errorf("of the portal's own form the cloud received %d calls", len(calls))
			}
		})
	}
}

// TestPagesRefuseFrames proves that no site can show a page of the portal in a frame: the
// browser loads the page but does not show it (threat T5; OWASP ASVS 3.4.6).
func TestPagesRefuseFrames(t *testing.T) {
	t.Parallel()
	for _, host := range []string{foreign, sibling, ours} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			f := newFront(t, busy) // created before the tab, so that the cleanup stops the front after the tab
			b := newTab(t)
			site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				fmt.Fprintf(w, `<!doctype html><iframe onload="shown = true" src="%s/backups/new"></iframe>`, f.url)
			}))
			t.Cleanup(site.Close)
			const refused = "frame-ancestors"
			b.fine = append(b.fine, refused)
			b.do(chromedp.Navigate("https://" + host + site.URL[strings.LastIndexByte(site.URL, ':'):] + "/"))
			if got := f.came(b, "GET", "/backups/new"); got.status != http.StatusOK {
				t.Fatalf("the page was answered with %d", got.status)
			}
			b.wait("window.shown === true", soon)
			if !b.heard(refused) {
				t.Errorf("the browser does not say that it refused the frame; it says %q", b.said)
			}
		})
	}
}
