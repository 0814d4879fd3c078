package localstore

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"unsafe"
)

const (
	childEnv  = "LOCALSTORE_CHILD"
	filterEnv = "LOCALSTORE_FILTERED"
)

// asChild runs the test that calls it again in a process of its own, whose
// surroundings it may change, and reports whether this is that process.
func asChild(t *testing.T, attr *syscall.SysProcAttr) bool {
	t.Helper()
	if os.Getenv(childEnv) == t.Name() {
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), childEnv+"="+t.Name(), "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = attr
	out, err := cmd.CombinedOutput()
	switch {
	case attr != nil && cmd.ProcessState == nil:
		t.Skipf("this user may not change that: %v", err)
	case err != nil:
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

// withoutSharedMemory makes this process, started anew, one that can map no file
// together with others, as on file systems of virtual machines.
func withoutSharedMemory(t *testing.T) {
	t.Helper()
	if os.Getenv(filterEnv) != "" {
		return
	}
	const (
		setNoNewPrivs, setSeccomp, filterMode = 38, 22, 2
		load, jumpEqual, jumpSet, answer      = 0x20, 0x15, 0x45, 0x06
		number, flags                         = 0, 16 + 8*3 // in struct seccomp_data
		allow, fail                           = 0x7fff0000, 0x00050000
		shared                                = syscall.MAP_SHARED
	)
	program := []syscall.SockFilter{
		{Code: load, K: number},
		{Code: jumpEqual, Jf: 3, K: syscall.SYS_MMAP},
		{Code: load, K: flags},
		{Code: jumpSet, Jf: 1, K: shared},
		{Code: answer, K: fail | uint32(syscall.ENODEV)},
		{Code: answer, K: allow},
	}
	runtime.LockOSThread()
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, setNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
		t.Fatal(errno)
	}
	filter := syscall.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, setSeccomp, filterMode, uintptr(unsafe.Pointer(&filter)), 0, 0, 0)
	if errno != 0 {
		t.Skipf("no system call can be made to fail here: %v", errno)
	}
	t.Fatal(syscall.Exec(os.Args[0], os.Args, append(os.Environ(), filterEnv+"=1")))
}
