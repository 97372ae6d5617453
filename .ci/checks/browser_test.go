package checks

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// findBrowser returns the path of a Chromium or Chrome, or "" if there is none. On Debian,
// /usr/lib/chromium/chromium is the program and /usr/bin/chromium is a script that starts the
// program.
func findBrowser() string {
	for _, name := range []string{os.Getenv("CHROME_PATH"), "/usr/lib/chromium/chromium", "/usr/bin/chromium", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	return ""
}

// A chromium is the browser that all tests share.
type chromium struct {
	ctx   context.Context
	close context.CancelFunc
}

func startChromium(path, profile string) (*chromium, error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.WindowSize(1280, 900),
		chromedp.NoSandbox, // Chromium's sandbox does not work for root in a container
		// The tests need no screen, so the browser emulates no graphics card.
		chromedp.DisableGPU,
		chromedp.Flag("disable-software-rasterizer", true),
		chromedp.Flag("disable-gpu-compositing", true),
		// A spare renderer process for the next tab costs as much as the tab itself.
		chromedp.Flag("disable-features", "SpareRendererForSitePerProcess,Translate,BlinkGenPropertyTrees"),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("font-render-hinting", "none"),
		// The tests' own sites have self-signed certificates.
		chromedp.Flag("host-resolver-rules", "MAP *.test 127.0.0.1"),
		chromedp.Flag("ignore-certificate-errors", true),
	)
	ctx, closeAll := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ = chromedp.NewContext(ctx)
	if err := chromedp.Do(ctx); err != nil {
		closeAll()
		return nil, fmt.Errorf("%s does not start: %w", path, err)
	}
	return &chromium{ctx, closeAll}, nil
}

// stop ends the browser and waits until it has ended.
func (c *chromium) stop() {
	ctx, cancel := context.WithTimeout(c.ctx, soon)
	defer cancel()
	_ = chromedp.Cancel(ctx)
	c.close()
}

// A tab is a browser tab of one test. It has its own cookies.
type tab struct {
	*testing.T
	ctx    context.Context
	portal *portal
	plain  bool // true if JavaScript is off

	mu      sync.Mutex
	console []string
	fine    []string // parts of expected console messages
	said    []string // all console messages
}

// newTab opens an empty tab. The test's cleanup closes the tab. It fails the test if the console
// has an unexpected message, because the console shows broken scripts and everything that the
// Content-Security-Policy blocked.
func newTab(t *testing.T) *tab {
	t.Helper()
	needBrowser(t)
	// Chromium logs every answer with status 422 as an error. If Chromium leaves a page before it
	// has read the page's icon, it requests /favicon.ico.
	b := &tab{T: t, portal: busy, fine: []string{"status of 422", "/favicon.ico"}}
	ctx, cancel := chromedp.NewContext(browser.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(b.listen))
	b.ctx = ctx
	t.Cleanup(func() {
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, message := range b.console {
			t.Errorf("console: %s", message)
		}
	})
	// Only one of several tabs can have the window's focus, so each tab emulates the focus.
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return err
	}))
	return b
}

// withoutScript turns JavaScript off for the page. JavaScript that the test itself evaluates still
// runs.
func (b *tab) withoutScript() *tab {
	b.Helper()
	b.plain = true
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	return b
}

// listen stores each console message of the tab.
func (b *tab) listen(event any) {
	var message string
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level != log.EntryLevelWarning && e.Entry.Level != log.EntryLevelError {
			return
		}
		message = fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL)
	case *runtime.EventExceptionThrown:
		message = "exception: " + e.ExceptionDetails.Text
		if thrown := e.ExceptionDetails.Exception; thrown != nil {
			message += " " + thrown.Description
		}
	case *runtime.EventConsoleAPICalled:
		message = fmt.Sprintf("console.%s", e.Type)
		for _, a := range e.Args {
			message += fmt.Sprintf(" %s%s", a.Value, a.Description)
		}
	default:
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said = append(b.said, message)
	if !slices.ContainsFunc(b.fine, func(part string) bool { return strings.Contains(message, part) }) {
		b.console = append(b.console, message)
	}
}

// heard reports whether a console message contains part.
func (b *tab) heard(part string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.said, func(message string) bool { return strings.Contains(message, part) })
}

func needBrowser(t *testing.T) {
	t.Helper()
	leftOut(t, browser == nil, "no Chromium (set CHROME_PATH): what the pages do in a browser")
}

// leftOut skips the test if missing is true; what says what is missing. With CI=true it fails
// the test instead.
func leftOut(t *testing.T, missing bool, what string) {
	t.Helper()
	switch {
	case !missing:
	case os.Getenv("CI") == "true":
		t.Fatalf("with CI=true nothing may be left out: %s", what)
	default:
		t.Skipf("left out: %s", what)
	}
}
