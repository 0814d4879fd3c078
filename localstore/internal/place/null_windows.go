package place

import (
	"io/fs"
	"os"
	"strings"
)

// leadsToNull reports whether a link was made to NUL, which is a device in every
// directory but where a link is followed: what `mklink usage.db NUL` makes leads
// to nothing for whoever opens it. Where a link does lead to a device, the name
// of that cannot be read, and a link to any other one is never made.
func leadsToNull(link string) bool {
	if to, err := os.Readlink(link); err == nil && namesNull(to) {
		return true
	}
	file, err := os.Stat(link)
	return err == nil && file.Mode()&fs.ModeCharDevice != 0
}

// namesNull reports whether a path is the null device by its name.
func namesNull(path string) bool {
	name := path[strings.LastIndexAny(path, `\/`)+1:]
	return strings.EqualFold(strings.TrimRight(name, ":. "), os.DevNull)
}
