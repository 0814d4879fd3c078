package decision

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// ErrNotOurs is returned if this user may not change the decision file: it is an
// administrator's, behind a link or not, or no regular file.
var ErrNotOurs = errors.New("it is left as it is")

// Write puts a decision beside a mirror, and beside the link that was
// asked for if one stands there.
func Write(mirror, asked string, mode consent.Mode) error {
	err := WriteAt(mirror+Suffix, mode)
	if err != nil && !errors.Is(err, ErrNotOurs) || asked == mirror {
		return err
	}
	if _, statErr := os.Lstat(asked + Suffix); errors.Is(statErr, fs.ErrNotExist) {
		return err
	}
	if linkErr := WriteAt(asked+Suffix, mode); linkErr != nil {
		return linkErr
	}
	return err
}

// WriteAt puts a decision at a path, or where a link there leads to, whole
// or not at all, and on the disk before it returns. ModeUnset takes it away. A file
// that says so stays: another one would tell of a decision that nobody took.
func WriteAt(path string, mode consent.Mode) error {
	real, was, err := decisionFile(path, mode)
	if err != nil {
		return err
	}
	switch {
	case mode == consent.ModeUnset:
		err = place.Remove(real)
	case was != nil && says(real, mode):
		return nil
	default:
		err = replaceDecision(real, was, mode)
	}
	if err == nil {
		syncDirectory(filepath.Dir(real))
		return nil
	}
	if place.IsDenied(err) || errors.Is(err, syscall.EBUSY) { // or something is mounted there
		return fmt.Errorf("%w: %w", ErrNotOurs, err)
	}
	return fmt.Errorf("keep decision: %w", err)
}

// decisionFile returns the file that a decision is written to, nil where there
// is none yet. Links are followed to what says a decision already: one that
// leads to any other file leads there by mistake, or for root to be misled.
func decisionFile(path string, mode consent.Mode) (real string, file os.FileInfo, err error) {
	at, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return path, nil, nil
	case err != nil:
		return "", nil, fmt.Errorf("keep decision: %w", err)
	case at.Mode().IsRegular() && place.Ours(path, at):
		return path, at, nil
	case at.Mode().IsRegular():
		return "", nil, fmt.Errorf("%w: another user owns it", ErrNotOurs)
	case at.Mode()&fs.ModeSymlink == 0:
		return "", nil, fmt.Errorf("%w: it is no file", ErrNotOurs)
	}
	real, links, why, err := followLinks(path)
	if why != "" {
		return "", nil, fmt.Errorf("%w: it is behind a link that %s", ErrNotOurs, why)
	}
	if err == nil {
		file, err = os.Stat(real)
	}
	switch {
	case err != nil || !file.Mode().IsRegular():
		return "", nil, fmt.Errorf("%w: the link leads to no file", ErrNotOurs)
	case !place.Ours(real, file) || !place.MayLeadTo(links, file) || place.CheckDirectory(real) != nil:
		return "", nil, fmt.Errorf("%w: the link leads to a file that another user owns or could replace", ErrNotOurs)
	case mode == consent.ModeUnset:
		return "", nil, fmt.Errorf("%w: it is a link", ErrNotOurs)
	case file.Size() > 0 && new(Cache).readAnyones(path).Mode == consent.ModeUnset:
		return "", nil, fmt.Errorf("%w: the link leads to a file that says something else", ErrNotOurs)
	}
	return real, file, nil
}

// says reports whether a file says a decision already.
func says(path string, mode consent.Mode) bool {
	if new(Cache).Read(path).Mode != mode {
		return false
	}
	f, _, err := place.Open(path)
	if err != nil {
		return false
	}
	_ = f.Sync() // whoever wrote it may not have waited; some systems demand more rights
	_ = f.Close()
	return true
}

// replaceDecision writes a decision in the place of a file.
func replaceDecision(path string, was os.FileInfo, mode consent.Mode) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.new")
	if err != nil {
		return err
	}
	if was != nil {
		place.GiveAs(f, was)
	} else {
		place.GiveFile(f)
		place.SetPermissions(f, place.FileMode)
	}
	if _, err = f.WriteString(mode.String() + "\n"); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = place.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, place.Remove(f.Name()))
	}
	return nil
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
