//go:build unix

package setup

import "syscall"

// neverWait opens a pipe without its other end, and no terminal as this
// process's own.
const neverWait = syscall.O_NONBLOCK | syscall.O_NOCTTY
