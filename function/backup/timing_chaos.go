//go:build chaosclock

package backup

import (
	"time"

	"backupportal/function/chaos/control"
)

// The windows of time, shorter by the factor that a schedule of package chaos states.
var (
	budget         = control.Scaled(30 * time.Second)
	defaultListLag = control.Scaled(60 * time.Second)
)
