//go:build !chaosclock

package backup

import "time"

// budget is the longest time from an attempt's record to the end of its call, and
// defaultListLag stands for a [Service.ListLag] of zero. How late the real list is has
// not been measured yet.
const (
	budget         = 30 * time.Second
	defaultListLag = 60 * time.Second
)

// fromRecord says that an attempt is made from the stored record. Only a build for
// tests can switch it off.
const fromRecord = true
