package checks

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestScreenshots saves a picture of every page for people to look at. No test compares pictures,
// because fonts differ between machines.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("pictures are saved with -screenshots folder")
	}
	if err := os.MkdirAll(*screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	walk(t, func(b *tab, r reader, v view) { b.picture(fmt.Sprintf("%s-%s", v.name, r)) })
}

// picture saves a picture of the page at the width of a phone and of a desktop. It does nothing if
// the flag -screenshots is not set.
func (b *tab) picture(name string) {
	b.Helper()
	if *screenshots == "" {
		return
	}
	for _, width := range []int64{360, 1280} {
		b.resize(width)
		picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100)) // 100 selects PNG
		if err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*screenshots, fmt.Sprintf("%s-%d.png", name, width)), picture, 0o644); err != nil {
			b.Fatal(err)
		}
	}
}
