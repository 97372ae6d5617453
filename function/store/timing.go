//go:build !chaosclock

package store

import "time"

// mostSkew is how far a time of this process may be from the database's clock.
const mostSkew = 5 * time.Second
