//go:build unix && !linux

package postgrestest

import "syscall"

// attributes let a process run as somebody else. Only Linux ends it with its
// parent.
func attributes(as *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: as}
}
