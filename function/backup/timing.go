//go:build !chaosclock

package backup

import "time"

// budget is the longest time from an attempt's record to the end of its call, and
// usualSettle stands for a [Service.ListLag] of zero. How late the real list is has
// not been measured yet.
const (
	budget         = 30 * time.Second
	defaultListLag = 60 * time.Second
)
