//go:build !linux

package pgtest

import "syscall"

// dieWithParent has no counterpart here: a killed test binary leaves its
// server running.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
