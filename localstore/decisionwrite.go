package localstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// errNotOurs is met where the decision file is not this user's to change: an
// administrator's, behind a link or not, or something else than a file.
var errNotOurs = errors.New("it is left as it is")

// writeDecisions puts a decision beside a mirror, and beside the link that was
// asked for if one stands there.
func writeDecisions(mirror, asked string, mode Mode) error {
	err := writeDecision(mirror+decisionSuffix, mode)
	if err != nil && !errors.Is(err, errNotOurs) || asked == mirror {
		return err
	}
	if _, statErr := os.Lstat(asked + decisionSuffix); errors.Is(statErr, fs.ErrNotExist) {
		return err
	}
	if linkErr := writeDecision(asked+decisionSuffix, mode); linkErr != nil {
		return linkErr
	}
	return err
}

// writeDecision puts a decision at a path, or where a link there leads to, whole
// or not at all, and on the disk before it returns. ModeUnset takes it away.
func writeDecision(path string, mode Mode) error {
	real, was, err := decisionFile(path, mode)
	if err != nil {
		return err
	}
	if mode == ModeUnset {
		err = place.Remove(real)
	} else {
		err = replaceDecision(real, was, mode)
	}
	if err == nil {
		syncDirectory(filepath.Dir(real))
		return nil
	}
	if place.IsDenied(err) || errors.Is(err, syscall.EBUSY) { // or something is mounted there
		return fmt.Errorf("%w: %w", errNotOurs, err)
	}
	return fmt.Errorf("keep decision: %w", err)
}

// decisionFile returns the file that a decision is written to, nil where there
// is none yet. Links are followed to what says a decision already: one that
// leads to any other file leads there by mistake, or for root to be misled.
func decisionFile(path string, mode Mode) (real string, file os.FileInfo, err error) {
	at, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return path, nil, nil
	case err != nil:
		return "", nil, fmt.Errorf("keep decision: %w", err)
	case at.Mode().IsRegular() && place.Ours(path, at):
		return path, at, nil
	case at.Mode().IsRegular():
		return "", nil, fmt.Errorf("%w: another user owns it", errNotOurs)
	case at.Mode()&fs.ModeSymlink == 0:
		return "", nil, fmt.Errorf("%w: it is no file", errNotOurs)
	}
	real, links, why, err := followLinks(path)
	if why != "" {
		return "", nil, fmt.Errorf("%w: it is behind a link that %s", errNotOurs, why)
	}
	if err == nil {
		file, err = os.Stat(real)
	}
	switch {
	case err != nil || !file.Mode().IsRegular():
		return "", nil, fmt.Errorf("%w: the link leads to no file", errNotOurs)
	case !place.Ours(real, file) || !place.MayLeadTo(links, file) || place.CheckDirectory(real) != nil:
		return "", nil, fmt.Errorf("%w: the link leads to a file that another user owns or could replace", errNotOurs)
	case mode == ModeUnset:
		return "", nil, fmt.Errorf("%w: it is a link", errNotOurs)
	case file.Size() > 0 && new(decisionCache).readAnyones(path).mode == ModeUnset:
		return "", nil, fmt.Errorf("%w: the link leads to a file that says something else", errNotOurs)
	}
	return real, file, nil
}

// replaceDecision writes a decision in the place of a file.
func replaceDecision(path string, was os.FileInfo, mode Mode) error {
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
