//go:build chaosclock

package backup

import (
	"time"

	"backupportal/function/chaos/control"
)

// maxWindow and defaultListLag are divided by the factor that a schedule of package chaos sets.
var (
	maxWindow      = control.Scaled(30 * time.Second)
	defaultListLag = control.Scaled(60 * time.Second)
)

// fromRecord says that an attempt is made from the stored record. A schedule can switch it off, to
// show that it finds calls that differ.
var fromRecord = !control.Off(control.Record)
