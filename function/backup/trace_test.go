package backup

import (
	"strings"
	"testing"
)

func TestTraceID(t *testing.T) {
	const id = "0af7651916cd43dd8448eb211c80319c"
	for header, want := range map[string]string{
		"00-" + id + "-b7ad6b7169203331-01": id,
		"":                                  "",
		"01-" + id + "-b7ad6b7169203331-01": "",
		"00-" + strings.ToUpper(id) + "-b7ad6b7169203331-01":          "",
		"00-" + strings.Repeat("0", 32) + "-b7ad6b7169203331-01":      "",
		"00-" + id + "-0000000000000000-01":                           "",
		"00-" + id + "-b7ad6b7169203331-01-x":                         "",
		"00-" + id[:31] + "\n-b7ad6b7169203331-01":                    "",
		"00-" + id + "-b7ad6b7169203331-0g":                           "",
		"00-" + id + "-b7ad6b7169203331-01, 00-" + id + "-" + id[:16]: "",
	} {
		if got := TraceID(header); got != want {
			t.Errorf("TraceID(%q) = %q, want %q", header, got, want)
		}
	}
}
