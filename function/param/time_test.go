package param

import (
	"testing"
	"time"
)

func TestUTCOffset(t *testing.T) {
	for seconds, want := range map[int]string{
		0: "UTC", 8 * 3600: "UTC+8", -5 * 3600: "UTC-5", 19800: "UTC+5:30", -12600: "UTC-3:30", -1800: "UTC-0:30",
	} {
		at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.FixedZone("CST", seconds))
		if got := UTCOffset(at); got != want {
			t.Errorf("%d seconds: %s, want %s", seconds, got, want)
		}
	}
}
