package checks

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// inFrontOf is JavaScript that runs before the page's own script. It replaces the clock, the
// timers and the portal's answers by fakes that the test controls. Its function spy.turn() lets
// the page ask once, and returns the text "request → milliseconds until the page asks again".
const inFrontOf = `
window.spy = { waits: null, later: 0, asked: "", answer: "same" };
const real = { now: Date.now, hidden: false };
Date.now = () => real.now() + spy.later;
window.setTimeout = (act, ms) => (spy.waits = { act, ms }, 1);
window.clearTimeout = () => (spy.waits = null);
Object.defineProperty(document, "hidden", { get: () => real.hidden });
spy.hide = (yes) => {
	real.hidden = yes;
	document.dispatchEvent(new Event("visibilitychange"));
};
window.fetch = async (url, { headers }) => {
	spy.asked = url + " " + (headers["If-None-Match"] ?? "-");
	if (spy.answer === "none") throw new TypeError("no network");
	if (spy.answer === "same" && headers["If-None-Match"]) return new Response(null, { status: 304 });
	const live = document.querySelector("#live").cloneNode(true);
	if (spy.answer === "copying" || spy.answer === "end") {
		Object.assign(live.dataset, { state: "COMPLETE", step: "COMPLETE0", said: "Complete" });
		live.append(Object.assign(document.createElement("a"), { id: "again" }));
	}
	if (spy.answer === "end") live.dataset.every = "0";
	return new Response(live.outerHTML, { headers: { ETag: '"one"' } });
};
spy.settle = async () => {
	for (let i = 0; i < 20; i++) await null; // what the look awaits is there already, but for the body of the answer
	await new Promise((done) => { const c = new MessageChannel(); c.port1.onmessage = done; c.port2.postMessage(0); });
	for (let i = 0; i < 20; i++) await null;
	const asked = spy.asked.replace(location.pathname, "page");
	spy.asked = "";
	return asked + " → " + (spy.waits ? spy.waits.ms : "never");
};
spy.turn = async (answer = "same", later = 0) => {
	spy.answer = answer;
	spy.later += later;
	const { act } = spy.waits;
	spy.waits = null;
	act();
	return spy.settle();
};`

// TestPollingIntervals proves how often the page of a backup asks for its state: after 2 s,
// then every 5, 15 and 60 s as the backup gets older. A hidden page does not ask, and asks
// immediately when it is visible again. While the portal is unreachable, the intervals grow.
// The page asks until the job and its copy have ended. If nothing has changed, the portal does
// not send the content again.
func TestPollingIntervals(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(
			ctx,
			page.AddScriptToEvaluateOnNewDocument,
			page.AddScriptToEvaluateOnNewDocumentParams{Source: inFrontOf},
		)
		return err
	}))
	path, err := busy.submit(request("demo", "i-bp1demodb01", "emulator.1h"))
	if err != nil {
		t.Fatal(err)
	}
	b.open(path)
	for _, step := range []struct{ act, want string }{
		{`spy.settle()`, " → 2000"},
		{`spy.turn()`, "page?part=live - → 5000"},
		{`spy.turn()`, `page?part=live "one" → 5000`},
		{`spy.turn("same", 61e3)`, `page?part=live "one" → 15000`},
		{`spy.turn("same", 6e5)`, `page?part=live "one" → 60000`},
		{`(spy.later = 0, spy.turn())`, `page?part=live "one" → 5000`},
		{`(spy.hide(true), spy.settle())`, " → never"},
		{`(spy.hide(false), spy.settle())`, `page?part=live "one" → 5000`},
		{`spy.turn("none")`, `page?part=live "one" → 10000`},
		{`document.querySelector("#away").hidden`, "true"},
		{`spy.turn("none")`, `page?part=live "one" → 20000`},
		{`document.querySelector("#away").hidden`, "false"},
		{`spy.turn("none")`, `page?part=live "one" → 30000`},
		{`spy.turn("none")`, `page?part=live "one" → 30000`},
		{`spy.turn()`, `page?part=live "one" → 5000`},
		{`document.querySelector("#away").hidden`, "true"},
		{`(document.querySelector("#check").focus(), spy.turn("other"))`, `page?part=live "one" → 5000`},
		{`document.activeElement.id`, "check"},
		{`spy.turn("copying")`, `page?part=live "one" → 5000`},
		{`document.title.startsWith("Complete – ")`, "true"},
		{`spy.turn("end")`, `page?part=live "one" → never`},
		{`document.querySelector("#said").textContent`, "Complete"},
		{`document.title.split("Complete – ").length`, "2"},
		{`(spy.hide(true), spy.hide(false), spy.settle())`, " → never"},
	} {
		if got := get[string](b, "(async () => String(await ("+step.act+")))()"); got != step.want {
			t.Errorf("%s: %s, want %s", step.act, got, step.want)
		}
	}
}
