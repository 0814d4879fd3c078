//go:build unix

package journalfile

import "os"

// Forked reports whether this is a child of the process that took the journal.
func Forked(pid int) bool { return os.Getpid() != pid }
