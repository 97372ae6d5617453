package postgrestest

import "syscall"

// endsWithParent makes the kernel send SIGQUIT to the child when the thread
// that forked it ends: see [spawn].
func endsWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGQUIT }
