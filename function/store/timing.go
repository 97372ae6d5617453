//go:build !chaosclock

package store

import "time"

// maxSkew is how far a time of this process may be from the database's clock.
const maxSkew = 5 * time.Second
