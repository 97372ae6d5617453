package postgrestest

import "syscall"

// attributes let a process run as somebody else, and end with its parent,
// however that ends.
func attributes(as *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGQUIT}
}
