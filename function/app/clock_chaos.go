//go:build chaosclock

package app

import (
	"time"

	"backupportal/function/chaos/control"
)

// wallClock is the clock that a schedule of package chaos moves.
func wallClock() time.Time { return control.Now() }
