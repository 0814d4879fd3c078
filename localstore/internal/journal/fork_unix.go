//go:build unix

package journal

import "os"

// forked reports whether this is a child of the process that took the journal.
func forked(pid int) bool { return os.Getpid() != pid }
