package postgrestest

import "syscall"

// endWithParent requests that the kernel sends SIGQUIT to the child when the thread that forked the
// child ends; see [spawn].
func endWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGQUIT }
