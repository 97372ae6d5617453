// Package checks drives the whole portal in a real browser, as people do: it
// builds and starts function/cmd/local, and looks at the pages in Chromium and
// at what the cloud emulator received.
//
//	go test ./...                        everything
//	go test -run Screens -screenshots folder
//
// The browser is that of CHROME_PATH, or an installed Chromium or Chrome.
package checks

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

var screenshots = flag.String("screenshots", "", "`folder` in which TestScreenshots saves a picture of every page")

// What the tests share. Each has its own tab with its own cookies.
var (
	browser *chromium // nil where there is none
	busy    *portal   // in which backups are made
	quiet   *portal   // in which none ever is: its lists stay empty
)

func TestMain(m *testing.M) {
	flag.Parse()
	// Most tests wait for a job of 20 seconds, not for a processor.
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

// run starts what the tests need, and ends it after them.
func run(m *testing.M) (code int, err error) {
	path := findBrowser()
	if path == "" {
		return m.Run(), nil // each test says what is left out
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
	// The browser ends before its folder is removed, and before the portals,
	// which wait for its connections.
	defer browser.stop()
	return m.Run(), nil
}
