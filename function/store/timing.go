//go:build !chaosclock

package store

import "time"

const (
	mostSkew  = 5 * time.Second // between this machine's clock and the database's
	skewEvery = time.Minute     // how often the two are compared
)
