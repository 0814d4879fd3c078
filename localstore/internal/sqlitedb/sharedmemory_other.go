//go:build !unix

package sqlitedb

// MapsShared reports whether files in a directory can be mapped by several
// processes together. Whoever cannot meets it when a log is begun.
func MapsShared(string) bool { return true }
