//go:build unix && !linux

package postgrestest

import "syscall"

// endWithParent does nothing: only Linux can end a child with its parent.
func endWithParent(*syscall.SysProcAttr) {}
