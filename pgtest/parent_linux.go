package pgtest

import "syscall"

// dieWithParent makes the kernel shut the server down when the test binary is
// killed without a chance to do it itself.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
}
