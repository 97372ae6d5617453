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

// fromRecord says that an attempt sends the stored parameters. A test can set it to false, to
// show that it detects calls that differ from what is stored.
var fromRecord = !control.Off(control.Record)
