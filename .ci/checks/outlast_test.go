package checks

import (
	"context"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// TestTypedValuesOutlastSessionAndInstance proves that typed values are not lost when the session ends, and when
// another process with the same database serves the next request. It tests the form, the form with mistakes, the
// check page and the page of the backup, with and without script. In each case there is exactly one backup.
func TestTypedValuesOutlastSessionAndInstance(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	binary := buildPortal(t)
	for name, way := range map[string]func(*outlasting){
		"session end":      (*outlasting).sessionEnds,
		"another instance": (*outlasting).instanceChanges,
	} {
		for _, plain := range []bool{false, true} {
			t.Run(name+scripted(plain), func(t *testing.T) {
				t.Parallel()
				g := newGateway(t)
				p := zitadelProvider(t, g.url+"/auth/callback")
				site := startSignIn(t, binary, g, p)
				b := signInTab(t, site)
				if plain {
					b.withoutScript()
				}
				o := &outlasting{tab: b, provider: p, gateway: g, label: unique("outlast")}
				if name == "another instance" {
					second := exec.Command(binary)
					second.Env = site.environment
					o.other = startInstance(t, second, p.secret)
				}
				b.fine = append(b.fine, "status of 401") // the page that asks to sign in again
				b.open("/backups/new/UDM_ECS")
				o.signsIn()
				b.fill(append([]answer{{name: "JobName", value: o.label}}, typed...))
				way(o)
				b.says("result", o.label, "77 days")
				b.oneJob(o.label)
			})
		}
	}
}

// An outlasting is a person who has typed values, in a portal with a sign-in.
type outlasting struct {
	*tab
	provider provider
	gateway  *gateway
	other    *url.URL // URL of the process that does not serve the gateway now; nil if there is only one process
	label    string   // JobName of the backup
}

// signsIn signs in at the provider, and waits until the browser is back in the portal.
func (o *outlasting) signsIn() {
	o.Helper()
	o.provider.signIn(o.tab, o.provider.people[0])
	o.wait(js(`origin => location.origin === origin && !location.pathname.startsWith("/auth/") && document.readyState === "complete"`, o.portal.url), soon)
}

// sessionEnds lets the session end on each page.
func (o *outlasting) sessionEnds() {
	o.Helper()
	o.forget("portal")
	o.click(".actions .filled")
	o.signsIn()
	o.holds("form", o.label, "77")
	if !o.shows(".returned") {
		o.Errorf("at %s nothing says that the values were kept:\n%s", o.path(), o.text("main"))
	}

	o.fill([]answer{{name: "Retention", value: "7700000"}})
	o.follow(".actions .filled")
	o.forget("portal")
	o.reload()
	o.signsIn()
	o.holds("error", o.label, "7700000")
	if !o.shows(".summary") {
		o.Errorf("at %s the mistakes are gone", o.path())
	}

	o.fill([]answer{{name: "Retention", value: "77"}})
	o.follow(".actions .filled")
	o.says("check", o.label, "77 days")
	check := o.path()
	o.forget("portal")
	o.click("button[data-once]")
	o.signsIn()
	o.says("check", o.label, "77 days")
	if calls := o.portal.created(o.T, o.label); len(calls) != 0 || o.path() != check {
		o.Errorf("a start without a session: %d calls, then %s, want %s", len(calls), o.path(), check)
	}
	o.follow("button[data-once]")
	o.says("result", o.label, "77 days")
	o.forget("portal")
	o.reload()
	o.signsIn()
}

// instanceChanges lets another process serve the next request on each page.
func (o *outlasting) instanceChanges() {
	o.Helper()
	if !o.plain { // without script a button stores what was typed
		o.wait(js(`texts => fetch(location.href).then(answer => answer.text()).then(page => texts.every(text => page.includes(text)))`,
			[]string{o.label, `value="77"`, `value="i-uf6demoweb03"`}), soon)
		o.swap()
		o.reload()
		o.holds("form", o.label, "77")
	}
	o.fill([]answer{{name: "JobName", value: o.label}, {name: "Retention", value: "7700000"}})
	o.swap()
	o.follow(".actions .filled")
	if !o.shows(".summary") || !strings.HasPrefix(o.path(), "/drafts/") {
		o.Fatalf("a wrong value leads to %s:\n%s", o.path(), o.text("main"))
	}
	o.swap()
	o.reload()
	o.holds("error", o.label, "7700000")

	o.fill([]answer{{name: "Retention", value: "77"}})
	o.swap()
	o.follow(".actions .filled")
	o.says("check", o.label, "77 days")
	o.swap()
	o.reload()
	o.says("check", o.label, "77 days")
	o.swap()
	o.follow("button[data-once]")
	o.says("result", o.label, "77 days")
	o.swap()
	o.reload()
}

// swap makes the gateway lead to the other process.
func (o *outlasting) swap() { o.other = o.gateway.to.Swap(o.other) }

// forget removes a cookie of the portal, as its end of life does.
func (b *tab) forget(cookie string) {
	b.Helper()
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.DeleteCookies, network.DeleteCookiesParams{Name: cookie, URL: b.portal.url})
		return err
	}))
}
