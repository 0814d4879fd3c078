package child

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// attributes end a program also when the command is killed and cannot do it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// followGo asks the system for SIGTERM when a go run dies that started this command:
// it does not pass on the signal that it gets.
func followGo() {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", os.Getppid()))
	if err != nil || strings.TrimSpace(string(name)) != "go" {
		return
	}
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0)
}
