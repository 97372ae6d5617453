//go:build !chaosclock

package backup

import "time"

// maxWindow is the longest window of an attempt: the time from its record to the end of its
// call.
//
// defaultListLag is used if [Service.ListLag] is zero. The delay of the real list has not been
// measured.
const (
	maxWindow      = 30 * time.Second
	defaultListLag = 60 * time.Second
)

// fromRecord says that an attempt is made from the stored record. Only the build for package chaos
// can switch it off.
const fromRecord = true
