//go:build !windows

package place

// OpenKeepsName: an open file can be renamed and removed.
const OpenKeepsName = false

func IsHeld(error) bool { return false }

func FileID(string) string { return "" }
