//go:build chaosclock

package store

import (
	"time"

	"backupportal/function/chaos/control"
)

// The bounds of the clocks, shorter by the factor that a schedule of package chaos states.
var (
	mostSkew  = control.Scaled(5 * time.Second)
	skewEvery = control.Scaled(time.Minute)
)
