package localstore

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

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// decisionSuffix makes the name of the decision file from that of the mirror:
// usage.db.consent beside usage.db.
const decisionSuffix = ".consent"

// maxDecision bounds how much of a decision file is read.
const maxDecision = 4 << 10

// decision is what the file beside the mirror says. It outlives the database,
// and a person or an administrator can write it. Of it and the mirror the
// stricter holds.
type decision struct {
	mode  Mode   // ModeUnset where there is no file, or none that counts
	since int64  // when the file was changed
	wrong string // why it cannot be understood: nothing is sent then

	// distrusted says why a file that says on does not count: whoever else
	// could have written it may forbid to send, and never allows it.
	distrusted string
}

// and returns what two files say together.
func (d decision) and(other decision) decision {
	if mode := strictest(d.mode, other.mode); mode != d.mode {
		d.mode, d.since = mode, other.since
	}
	if d.wrong == "" {
		d.wrong = other.wrong
	}
	if d.distrusted == "" {
		d.distrusted = other.distrusted
	}
	return d
}

// decisionFiles are the one beside the mirror and, where the mirror is behind a
// link, the one beside the link: a person who looks there writes it there.
type decisionFiles struct{ mirror, link decisionCache }

// read returns what holds for the mirror at a path that was asked for by another.
func (f *decisionFiles) read(mirror, asked string) decision {
	said := f.mirror.read(mirror + decisionSuffix)
	if asked == mirror {
		return said
	}
	return said.and(f.link.read(asked + decisionSuffix))
}

// decisionCache spares reading a file that did not change.
type decisionCache struct {
	file os.FileInfo
	said decision
}

// read returns what the file at a path says now. A look at one that did not
// change opens nothing.
func (c *decisionCache) read(path string) decision {
	said := c.readAnyones(path)
	if said.mode != ModeOn {
		return said
	}
	if why := distrust(path, c.file); why != "" {
		return decision{distrusted: why}
	}
	return said
}

// readAnyones returns what the file says, whoever wrote it.
func (c *decisionCache) readAnyones(path string) decision {
	file, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		*c = decisionCache{}
		if _, err := os.Lstat(path); err == nil { // what the link leads to is not mounted, say
			return decision{wrong: "is a link that leads nowhere"}
		}
		return decision{}
	case err != nil:
		*c = decisionCache{}
		return decision{wrong: cannotBeRead(err)}
	case c.file != nil && unchanged(c.file, file):
		return c.said
	}
	*c = decisionCache{}
	if what := place.Irregular(file.Mode()); what != "" { // opening some of it does something
		return decision{wrong: "is " + what}
	}
	f, file, err := place.Open(path)
	if err != nil {
		return decision{wrong: cannotBeRead(err)}
	}
	defer f.Close()
	said := readDecision(f)
	if said.wrong == "" { // otherwise it may become readable without a change
		said.since = file.ModTime().UnixNano()
		*c = decisionCache{file, said}
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

func readDecision(f io.Reader) decision {
	text, err := io.ReadAll(io.LimitReader(f, maxDecision+1))
	if err != nil {
		return decision{wrong: cannotBeRead(err)}
	}
	if len(text) > maxDecision {
		return decision{wrong: fmt.Sprintf("has more than %d bytes", maxDecision)}
	}
	mode, ok := parseDecision(string(text))
	if !ok {
		return decision{wrong: "does not say off, local or on"}
	}
	return decision{mode: mode}
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

// parseDecision finds the one word of a decision file. Case, spaces, line ends,
// a byte order mark and lines that begin with # do not matter.
func parseDecision(text string) (mode Mode, ok bool) {
	for _, line := range strings.FieldsFunc(decodeText(text), func(r rune) bool { return r == '\n' || r == '\r' }) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.ToLower(strings.TrimSpace(line)); line == "" {
			continue
		}
		var said Mode
		if err := said.UnmarshalText([]byte(line)); err != nil || said == ModeUnset || ok {
			return ModeUnset, false
		}
		mode, ok = said, true
	}
	return mode, ok
}

// strictest returns the stricter of two decisions; ModeUnset is none.
func strictest(a, b Mode) Mode {
	if a == ModeUnset || b == ModeUnset {
		return max(a, b)
	}
	return min(a, b)
}

// stricter reports whether a decision forbids what another one allows.
func stricter(a, than Mode) bool {
	return (a == ModeOff || a == ModeLocal) && (than == ModeUnset || a < than)
}

// decide lets the decision file hold beside what the mirror stores.
func (h *header) decide(d decision) {
	h.stored, h.wrongDecision, h.distrusted = h.mode, d.wrong, d.distrusted
	if mode := strictest(h.mode, d.mode); mode != h.mode {
		h.mode, h.modeSince = mode, d.since
	}
}

// afterLoss is what holds in the place of a mirror that was lost: what the
// decision file says, or what was found and is strict, or nothing is sent.
func (s *DB) afterLoss(h header) header {
	if s.decision.read(s.path, s.asked).mode != ModeUnset || h.mode == ModeOff || h.mode == ModeLocal {
		return h
	}
	h.mode, h.modeSince = ModeUnset, 0
	if h.requireConsent == notRequired {
		h.requireConsent = requiredAfterLoss
	}
	return h
}

// followDecision brings the mirror in line with the decision file, so that an
// administrator's edit withholds what SetMode would.
func (s *DB) followDecision(tx *transaction) error {
	if tx.mode == tx.stored {
		return nil
	}
	to := tx.mode
	tx.mode = tx.stored
	return s.switchMode(tx, to)
}

// switchMode stores a mode that is another one, and withholds what waits when
// nothing may be sent any more.
func (s *DB) switchMode(tx *transaction, to Mode) error {
	before := tx.maySend()
	tx.mode, tx.stored, tx.modeSince = to, to, tx.now
	if before && !tx.maySend() {
		if err := s.hooks.withhold(tx); err != nil {
			return err
		}
	}
	tx.epoch++
	return tx.Run(`UPDATE mirror SET mode = ?1, mode_since = ?2, epoch = ?3`, int64(to), tx.now, tx.epoch)
}
