//go:build !windows

package localstore

// leadsToNull: here the null device is a file, and isNull knows it.
func leadsToNull(string) bool { return false }
