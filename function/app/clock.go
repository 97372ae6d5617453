//go:build !chaosclock

package app

import "time"

// wallClock returns the time without a monotonic reading. Differences of times with such a
// reading would be too short, because the monotonic clock stops while an instance is frozen.
func wallClock() time.Time { return time.Now().Round(0) }
