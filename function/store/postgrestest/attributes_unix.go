//go:build unix && !linux

package postgrestest

import "syscall"

// endWithParent does nothing here. Only Linux can end a child when its parent ends.
func endWithParent(*syscall.SysProcAttr) {}
