//go:build !unix

package journalfile

// Forked: a process is not copied here.
func Forked(int) bool { return false }
