//go:build !chaosclock

package app

import "time"

// wallClock drops the monotonic clock, which stands still in frozen instances.
func wallClock() time.Time { return time.Now().Round(0) }
