//go:build unix && !linux

package postgrestest

import "syscall"

// endsWithParent does nothing: only Linux can end a child with its parent.
func endsWithParent(*syscall.SysProcAttr) {}
