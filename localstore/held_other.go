//go:build !windows

package localstore

// openKeepsName: an open file can be renamed and removed.
const openKeepsName = false

func isHeld(error) bool { return false }

func fileID(string) string { return "" }
