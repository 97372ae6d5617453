//go:build !chaosclock

package app

import "time"

// wallClock returns the time without a monotonic reading. The monotonic clock stops while an
// instance is frozen, so differences of such times would be too short.
func wallClock() time.Time { return time.Now().Round(0) }
