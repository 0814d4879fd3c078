package localstore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
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
	mode  Mode   // ModeUnset where there is no file
	since int64  // when the file was changed
	wrong string // why it cannot be understood: nothing is sent then
}

// decisionCache spares reading a file that did not change: a look at it costs
// one stat.
type decisionCache struct {
	file os.FileInfo
	said decision
}

// read returns what the file at a path says now.
func (c *decisionCache) read(path string) decision {
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
		return decision{wrong: "cannot be read"}
	case c.file != nil && os.SameFile(c.file, file) && c.file.ModTime().Equal(file.ModTime()) && c.file.Size() == file.Size():
		return c.said
	}
	*c = decisionCache{file, readDecision(path, file)}
	if c.said.wrong != "" {
		c.file = nil // it may become readable without a change of its content
	}
	return c.said
}

func readDecision(path string, file os.FileInfo) decision {
	if !file.Mode().IsRegular() { // opening a pipe would wait for its writer
		return decision{wrong: "is no regular file"}
	}
	f, err := os.Open(path)
	if err != nil {
		return decision{wrong: "cannot be read"}
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxDecision+1))
	if err != nil || len(text) > maxDecision {
		return decision{wrong: "cannot be read"}
	}
	mode, ok := parseDecision(string(text))
	if !ok {
		return decision{wrong: "does not say off, local or on"}
	}
	return decision{mode: mode, since: file.ModTime().UnixNano()}
}

// parseDecision finds the one word of a decision file. Case, spaces, line ends,
// a byte order mark and lines that begin with # do not matter.
func parseDecision(text string) (mode Mode, ok bool) {
	for _, line := range strings.FieldsFunc(strings.TrimPrefix(text, "\uFEFF"), func(r rune) bool { return r == '\n' || r == '\r' }) {
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

// writeDecision puts a decision at a path, whole or not at all, and on the disk
// before it returns. ModeUnset takes it away.
func writeDecision(path string, mode Mode) (err error) {
	if mode == ModeUnset {
		return wrap("forget decision", removeFile(path))
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.new") // 0600, as the mirror
	if err != nil {
		return fmt.Errorf("keep decision: %w", err)
	}
	giveFile(f)
	_, err = f.WriteString(mode.String() + "\n")
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = replaceFile(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keep decision: %w", err), removeFile(f.Name()))
	}
	syncDirectory(filepath.Dir(path))
	return nil
}

// replaceFile renames a file over another one. Windows refuses while somebody
// reads the other one, which takes an instant.
func replaceFile(from, to string) (err error) {
	for range 10 {
		if err = os.Rename(from, to); err == nil || runtime.GOOS != "windows" || !errors.Is(err, fs.ErrPermission) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
	return err
}

// syncDirectory makes a rename last. Where a directory cannot be synchronised
// the system does it in its own time.
func syncDirectory(path string) {
	dir, err := os.Open(path)
	if err != nil {
		return
	}
	_ = dir.Sync()
	_ = dir.Close()
}

func (s *Store) decisionPath() string { return s.path + decisionSuffix }

// strictest returns the stricter of two decisions; ModeUnset is none.
func strictest(a, b Mode) Mode {
	if a == ModeUnset || b == ModeUnset {
		return max(a, b)
	}
	return min(a, b)
}

// decide lets the decision file hold beside what the mirror stores.
func (h *header) decide(d decision) {
	h.stored, h.wrongDecision = h.mode, d.wrong
	if mode := strictest(h.mode, d.mode); mode != h.mode {
		h.mode, h.modeSince = mode, d.since
	}
}

// afterLoss is what holds in the place of a mirror that was lost: what the
// decision file says, or what was found and is strict, or nothing is sent.
func (s *Store) afterLoss(h header) header {
	if s.decision.read(s.decisionPath()).mode != ModeUnset || h.mode == ModeOff || h.mode == ModeLocal {
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
func (s *Store) followDecision(tx *transaction) error {
	if tx.mode == tx.stored {
		return nil
	}
	to := tx.mode
	tx.mode = tx.stored
	return s.switchMode(tx, to)
}

// switchMode stores a mode that is another one, and withholds what waits when
// nothing may be sent any more.
func (s *Store) switchMode(tx *transaction, to Mode) error {
	before := tx.maySend()
	tx.mode, tx.stored, tx.modeSince = to, to, tx.now
	if before && !tx.maySend() {
		if err := s.withholdPending(tx); err != nil {
			return err
		}
	}
	tx.epoch++
	return tx.run(`UPDATE mirror SET mode = ?1, mode_since = ?2, epoch = ?3`, int64(to), tx.now, tx.epoch)
}
