// Package checks drives the whole portal in a real browser.
//
// It builds and starts function/cmd/local, and checks the pages in Chromium and the calls that the
// cloud emulator received:
//
//	go test ./...                        everything
//	go test -run Screens -screenshots folder
//
// The browser is CHROME_PATH, or an installed Chromium or Chrome.
package checks

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

var screenshots = flag.String("screenshots", "", "`folder` in which TestScreenshots saves a picture of every page")

// Shared by all tests. Each test has a tab and cookies of its own.
var (
	browser *chromium // nil without a browser
	busy    *portal   // backups are made in it
	quiet   *portal   // without backups, so its lists stay empty
)

func TestMain(m *testing.M) {
	flag.Parse()
	// Most tests wait for a job of 20 seconds, so more of them than processors run in parallel.
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

// run starts what the tests need, and stops it afterwards.
func run(m *testing.M) (code int, err error) {
	path := findBrowser()
	if path == "" {
		return m.Run(), nil // each test reports that it is skipped
	}
	folder, err := os.MkdirTemp("", "portal-checks-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(folder)
	binary := filepath.Join(folder, "local")
	if err := build(binary); err != nil {
		return 1, err
	}
	for _, p := range []**portal{&busy, &quiet} {
		if *p, err = startPortal(binary); err != nil {
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
	// The browser stops first: its folder is removed later, and the portals wait for its connections.
	defer browser.stop()
	return m.Run(), nil
}
