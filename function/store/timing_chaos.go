//go:build chaosclock

package store

import (
	"time"

	"backupportal/function/chaos/control"
)

// maxSkew is 5 seconds divided by the factor that a schedule of package chaos sets.
var maxSkew = control.Scaled(5 * time.Second)

// init disables the comparison of clocks, or the durable commits, if a schedule of package chaos
// requests it.
func init() {
	if control.Off(control.Clock) {
		maxSkew = 1000 * time.Hour
	}
	if control.Off(control.Durability) {
		defaults["synchronous_commit"] = "off"
		durableLevels = append(durableLevels, "off")
	}
}
