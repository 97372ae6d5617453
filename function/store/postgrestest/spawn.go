package postgrestest

import (
	"os/exec"
	"runtime"
	"syscall"
)

// spawn starts a child that ends with this process at the latest. The channel
// receives the result of its Wait. cmd.SysProcAttr must be set.
//
// On Linux the signal for the parent's death is sent when the thread that
// forked ends, not the process (https://go.dev/issue/27505), so spawn keeps that
// thread until the child has ended. It is the only place that asks for the signal.
func spawn(cmd *exec.Cmd) (ended <-chan error, err error) {
	endsWithParent(cmd.SysProcAttr)
	started, waited := make(chan error, 1), make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		err := cmd.Start()
		started <- err
		if err == nil {
			waited <- cmd.Wait()
		}
	}()
	return waited, <-started
}

// attributes let a child run as another user; nil means as this one.
func attributes(as *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: as}
}
