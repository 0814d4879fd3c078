package readme

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// onReadOnlyRoot returns what runs a command with a root file system that cannot
// be written, in namespaces of its own; nil where the machine allows none.
func onReadOnlyRoot(t *testing.T) func(name string, args ...string) *exec.Cmd {
	t.Helper()
	command := func(name string, args ...string) *exec.Cmd {
		remount := `mount --make-rprivate / && mount -o remount,bind,ro / && exec "$0" "$@"`
		cmd := exec.Command("/bin/sh", append([]string{"-c", remount, name}, args...)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
		return cmd
	}
	if out, err := command("/bin/true").CombinedOutput(); err != nil {
		t.Logf("no read-only root here: %v %s", err, out)
		return nil
	}
	return command
}
