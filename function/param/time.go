package param

import (
	"fmt"
	"time"
)

// UTCOffset returns the time zone of t as its offset from UTC: "UTC", "UTC+8" or "UTC+5:30". It
// does not use names of zones: they differ between languages, and CST has several meanings.
func UTCOffset(t time.Time) string {
	_, offset := t.Zone()
	if offset == 0 {
		return "UTC"
	}
	hours, minutes := offset/3600, max(offset, -offset)%3600/60
	if minutes == 0 {
		return fmt.Sprintf("UTC%+d", hours)
	}
	sign := "+"
	if offset < 0 {
		sign, hours = "-", -hours
	}
	return fmt.Sprintf("UTC%s%d:%02d", sign, hours, minutes)
}
