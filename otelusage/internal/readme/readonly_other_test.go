//go:build !linux

package readme

import (
	"os/exec"
	"testing"
)

// onReadOnlyRoot needs namespaces.
func onReadOnlyRoot(*testing.T) func(string, ...string) *exec.Cmd { return nil }
