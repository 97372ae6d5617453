// Package checks drives the whole portal in a real browser.
//
// The tests build and start function/cmd/local. They check the pages in Chromium and the calls that
// the cloud emulator received:
//
//	go test ./...                        everything
//	go test -run Screens -screenshots folder
//
// CHROME_PATH names the browser. If it is empty, an installed Chromium or Chrome is used.
package checks

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

var screenshots = flag.String("screenshots", "", "`folder` in which TestScreenshots saves a picture of every page")

// everyWidth makes TestPagesFitScreenAndPassAxe run axe at 320, 360 and 1280 px for every reader.
// That takes three times as long.
var everyWidth = flag.Bool("every-width", false, "run axe at three widths instead of one")

// All tests share these variables. Each test has its own tab and cookies.
var (
	browser *chromium // nil if no browser is installed
	local   string    // path of the program function/cmd/local
	busy    *portal   // tests make backups in this portal
	quiet   *portal   // no test makes a backup in this portal, so its lists stay empty
)

func TestMain(m *testing.M) {
	flag.Parse()
	// Most tests wait for a job of 20 seconds, so the test binary runs more tests in parallel than
	// there are processors.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "checks:", err)
		code = 1
	}
	os.Exit(code)
}

// run starts the browser and the portals, runs the tests, and stops the browser and the portals.
func run(m *testing.M) (code int, err error) {
	path := findBrowser()
	if path == "" {
		return m.Run(), nil // each test reports that it is skipped, because no browser is installed
	}
	folder, err := os.MkdirTemp("", "portal-checks-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(folder)
	local = filepath.Join(folder, "local")
	if err := build(local); err != nil {
		return 1, err
	}
	receivers, err := withReceivers(folder)
	if err != nil {
		return 1, err
	}
	for p, more := range map[**portal][]string{&busy: nil, &quiet: receivers} {
		if *p, err = startPortal(local, more...); err != nil {
			return 1, err
		}
		defer func() {
			if stopErr := (*p).stop(); err == nil {
				err = stopErr
			}
		}()
	}
	if browser, err = startChromium(path, filepath.Join(folder, "profile")); err != nil {
		return 1, err
	}
	// The browser must stop before the deferred calls above run: they remove its folder and wait
	// until the portals' connections are closed.
	defer browser.stop()
	return m.Run(), nil
}
