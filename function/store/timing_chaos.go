//go:build chaosclock

package store

import (
	"time"

	"backupportal/function/chaos/control"
)

// mostSkew is shorter by the factor that a schedule of package chaos states.
var mostSkew = control.Scaled(5 * time.Second)

// A schedule may switch off the comparison of clocks and the durable commits.
func init() {
	if control.Off(control.Clock) {
		mostSkew = 1000 * time.Hour
	}
	if control.Off(control.Durability) {
		settings["synchronous_commit"] = "off"
		durableLevels = append(durableLevels, "off")
	}
}
