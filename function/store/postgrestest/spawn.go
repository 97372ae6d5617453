package postgrestest

import (
	"os/exec"
	"runtime"
	"syscall"
)

// spawn starts a child process that ends at the latest when this process ends. The channel receives
// the result of cmd.Wait. cmd.SysProcAttr must not be nil.
//
// On Linux, the kernel sends the parent-death signal when the thread that forked the child ends,
// not when the process ends (https://go.dev/issue/27505). Therefore spawn keeps that thread until
// the child has ended. Only spawn may request this signal.
func spawn(cmd *exec.Cmd) (ended <-chan error, err error) {
	endWithParent(cmd.SysProcAttr)
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

// attributes returns the attributes of a child that runs as the user of credential. A nil
// credential means the user of this process.
func attributes(credential *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: credential}
}
