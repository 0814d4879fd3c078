//go:build !unix

package child

import "os/exec"

func separate(*exec.Cmd) {}

// Kill ends a program that has started like a crash.
func Kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() } // or it has exited
