//go:build !windows

package place

// leadsToNull: here the null device is a file, and isNull knows it.
func leadsToNull(string) bool { return false }
