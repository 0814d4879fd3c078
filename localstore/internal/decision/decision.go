package decision

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf16"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// Suffix makes the name of the decision file from that of the mirror:
// usage.db.consent beside usage.db.
const Suffix = ".consent"

// maxDecision bounds how much of a decision file is read.
const maxDecision = 4 << 10

// Decision is what the file beside the mirror says. It outlives the database, and a
// person or an administrator can write it. The stricter of file and mirror applies.
type Decision struct {
	Mode  consent.Mode // ModeUnset where there is no file, or none that counts
	Since int64        // when the file was changed

	// Changed is when the file was written, of two the later: what differs says that
	// it may have said something else in between. 0 where there is none.
	Changed int64

	Wrong string // why it cannot be understood: nothing is sent then

	// distrusted says why a file that says on does not count: whoever else
	// could have written it may forbid to send, and never allows it.
	Distrusted string
}

// and returns what two files say together.
func (d Decision) and(other Decision) Decision {
	if mode := Strictest(d.Mode, other.Mode); mode != d.Mode {
		d.Mode, d.Since = mode, other.Since
	}
	d.Changed = max(d.Changed, other.Changed)
	if d.Wrong == "" {
		d.Wrong = other.Wrong
	}
	if d.Distrusted == "" {
		d.Distrusted = other.Distrusted
	}
	return d
}

// Files are the one beside the mirror and, where the mirror is behind a
// link, the one beside the link: a person who looks there writes it there.
type Files struct{ mirror, link Cache }

// Read returns what holds for the mirror at a path that was asked for by another.
func (f *Files) Read(mirror, asked string) Decision {
	said := f.mirror.Read(mirror + Suffix)
	if asked == mirror {
		return said
	}
	return said.and(f.link.Read(asked + Suffix))
}

// Cache spares reading a file that did not change.
type Cache struct {
	file os.FileInfo
	said Decision
}

// Read returns what the file at a path says now. A look at one that did not
// change opens nothing.
func (c *Cache) Read(path string) Decision {
	said := c.readAnyones(path)
	if said.Mode != consent.ModeOn {
		return said
	}
	if why := distrust(path, c.file); why != "" {
		return Decision{Distrusted: why, Changed: said.Changed}
	}
	return said
}

// readAnyones returns what the file says, whoever wrote it.
func (c *Cache) readAnyones(path string) Decision {
	file, err := os.Lstat(path)
	isLink := err == nil && file.Mode()&fs.ModeSymlink != 0
	if isLink {
		file, err = os.Stat(path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		*c = Cache{}
		if isLink { // what it leads to is not mounted, say
			return Decision{Wrong: "is a link that leads nowhere"}
		}
		return Decision{}
	case err != nil:
		*c = Cache{}
		return Decision{Wrong: cannotBeRead(err)}
	case c.file != nil && unchanged(c.file, file):
		return c.said
	}
	*c = Cache{}
	if what := place.Irregular(file.Mode()); what != "" { // opening some of it does something
		return Decision{Wrong: "is " + what}
	}
	f, file, err := place.Open(path)
	if err != nil {
		return Decision{Wrong: cannotBeRead(err)}
	}
	defer f.Close()
	said := readDecision(f)
	if said.Wrong == "" { // otherwise it may become readable without a change
		said.Since = file.ModTime().UnixNano()
		said.Changed = said.Since
		*c = Cache{file, said}
	}
	return said
}

// unchanged reports whether a file is the one that was read, and was not changed
// since, nor given to others.
func unchanged(was, is os.FileInfo) bool {
	wasUser, wasGroup, _ := place.Owner(was)
	user, group, _ := place.Owner(is)
	return os.SameFile(was, is) && was.ModTime().Equal(is.ModTime()) && was.Size() == is.Size() && was.Mode() == is.Mode() &&
		wasUser == user && wasGroup == group
}

func readDecision(f io.Reader) Decision {
	text, err := io.ReadAll(io.LimitReader(f, maxDecision+1))
	if err != nil {
		return Decision{Wrong: cannotBeRead(err)}
	}
	if len(text) > maxDecision {
		return Decision{Wrong: fmt.Sprintf("has more than %d bytes", maxDecision)}
	}
	mode, ok := parse(string(text))
	if !ok {
		return Decision{Wrong: "does not say off, local or on"}
	}
	return Decision{Mode: mode}
}

// cannotBeRead says why a decision file is not known, without its path.
func cannotBeRead(err error) string {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		err = e.Err
	}
	return fmt.Sprintf("cannot be read (%v)", err)
}

// distrust says why a decision file does not count where it lets things be sent:
// who else than this user and root could have written it, or have led the path
// to it. It is "" for nobody.
func distrust(path string, file os.FileInfo) string {
	real, _, why, err := followLinks(path)
	switch {
	case err != nil:
		return cannotBeRead(err)
	case why != "":
		return "is behind a link that " + why
	}
	return place.Strangers(real, file)
}

// maxLinks is how many links may lead to a file, as for the system.
const maxLinks = 40

// followLinks returns where the links at a path lead, and what of them a
// stranger could have laid; "" for none.
func followLinks(path string) (real string, links []os.FileInfo, why string, err error) {
	for len(links) < maxLinks {
		at, err := os.Lstat(path)
		if err != nil || at.Mode()&fs.ModeSymlink == 0 {
			return path, links, "", err
		}
		if why := place.Strangers(path, at); why != "" {
			return path, links, why, nil
		}
		links = append(links, at)
		if path, err = linkTarget(path); err != nil {
			return path, links, "", err
		}
	}
	return path, links, "", syscall.ELOOP
}

// linkTarget returns the path that a link names. It is not cleaned by name alone:
// the directory may be reached by a link, too.
func linkTarget(link string) (string, error) {
	to, err := os.Readlink(link)
	if err != nil || filepath.IsAbs(to) {
		return to, err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(link))
	return dir + string(filepath.Separator) + to, err
}

// decodeText returns what Windows' editors and shells write, with a byte order
// mark, as they do.
func decodeText(text string) string {
	var order binary.ByteOrder = binary.LittleEndian
	wide, ok := strings.CutPrefix(text, "\xff\xfe")
	if !ok {
		order = binary.BigEndian
		wide, ok = strings.CutPrefix(text, "\xfe\xff")
	}
	if !ok {
		return strings.TrimPrefix(text, "\uFEFF")
	}
	if len(wide)%2 != 0 {
		return text // cut off
	}
	units := make([]uint16, len(wide)/2)
	for i := range units {
		units[i] = order.Uint16([]byte(wide[2*i:]))
	}
	return string(utf16.Decode(units))
}

// parse finds the one word of a decision file. Case, spaces, line ends,
// a byte order mark and lines that begin with # do not matter.
func parse(text string) (mode consent.Mode, ok bool) {
	for _, line := range strings.FieldsFunc(decodeText(text), func(r rune) bool { return r == '\n' || r == '\r' }) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.ToLower(strings.TrimSpace(line)); line == "" {
			continue
		}
		var said consent.Mode
		if err := said.UnmarshalText([]byte(line)); err != nil || said == consent.ModeUnset || ok {
			return consent.ModeUnset, false
		}
		mode, ok = said, true
	}
	return mode, ok
}

// Strictest returns the stricter of two decisions; ModeUnset is none.
func Strictest(a, b consent.Mode) consent.Mode {
	if a == consent.ModeUnset || b == consent.ModeUnset {
		return max(a, b)
	}
	return min(a, b)
}

// Stricter reports whether a decision forbids what another one allows.
func Stricter(a, than consent.Mode) bool {
	return (a == consent.ModeOff || a == consent.ModeLocal) && (than == consent.ModeUnset || a < than)
}
