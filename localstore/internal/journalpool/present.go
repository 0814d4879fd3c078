package journalpool

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// mostEntries is how many entries of a directory are read to tell which journals there
// are. A mirror may lie among many more files: then it may have each.
const mostEntries = 512

// Present returns which journals a mirror may have. The others are absent. That costs
// one look at the directory in place of one at each name, of which nearly all are free.
func Present(mirror string) (may [Size]bool) {
	names, ok := namesIn(filepath.Dir(mirror))
	for i := range may {
		may[i] = !ok
	}
	for _, name := range names {
		if i := indexOf(name); i >= 0 {
			may[i] = true
		}
	}
	return may
}

// namesIn returns all names in a directory; ok is false where these are too many, or
// cannot be read.
func namesIn(dir string) (names []string, ok bool) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, false
	}
	defer f.Close() // nothing was written
	for len(names) <= mostEntries {
		more, err := f.Readdirnames(mostEntries + 1 - len(names))
		names = append(names, more...)
		if err != nil {
			return names, errors.Is(err, io.EOF)
		}
	}
	return nil, false
}

// indexOf returns which journal a name ends like, -1 for none: file systems differ in
// what they hold for the same name, so that the mirror's own part is not compared.
func indexOf(name string) int {
	at := len(name) - len(infix) - 2
	if at < 0 || !strings.EqualFold(name[at:at+len(infix)], infix) {
		return -1
	}
	high, low := digit(name[len(name)-2]), digit(name[len(name)-1])
	if high < 0 || low < 0 {
		return -1
	}
	return high<<4 | low
}

func digit(c byte) int { return strings.IndexByte(digits, c|0x20) }
