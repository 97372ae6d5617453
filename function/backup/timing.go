//go:build !chaosclock

package backup

import "time"

// maxWindow is the longest window of an attempt: the time from storing the attempt until its
// call may no longer be sent.
//
// defaultListLag is used if [Service.ListLag] is zero. How late a job really appears in the
// cloud's list has not been measured.
const (
	maxWindow      = 30 * time.Second
	defaultListLag = 60 * time.Second
)

// fromRecord says that an attempt sends the stored parameters. It is always true here; only in
// the build for package chaos can a test set it to false.
const fromRecord = true
