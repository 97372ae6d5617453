package checks

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestScreenshots saves a picture of every page, to be looked at by people:
// fonts differ between machines, so that no test could compare them.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("pictures are saved with -screenshots folder")
	}
	if err := os.MkdirAll(*screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	walk(t, func(b *tab, r reader, v view) {
		for _, width := range []int64{360, 1280} {
			b.resize(width)
			picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100)) // 100 is PNG
			if err != nil {
				b.Fatal(err)
			}
			name := fmt.Sprintf("%s-%s-%d.png", v.name, r, width)
			if err := os.WriteFile(filepath.Join(*screenshots, name), picture, 0o644); err != nil {
				b.Fatal(err)
			}
		}
	})
}
