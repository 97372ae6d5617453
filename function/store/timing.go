//go:build !chaosclock

package store

import "time"

// maxSkew is the largest allowed difference between the clock of this process and the database's
// clock.
const maxSkew = 5 * time.Second
