package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// vacant takes a file of the pool in which nothing waits, or makes one. It is
// locked, and not started yet.
func vacant(mirror string, waits *[journalpool.Size]bool) (*os.File, string, error) {
	var met []error
	for round := range 2 { // who only looked at a file may have kept it locked for a moment
		met = met[:0]
		for i := range journalpool.Size {
			if round == 0 && waits != nil && waits[i] {
				continue
			}
			path := journalpool.Path(mirror, i)
			f, err := vacantFile(path)
			switch {
			case err == nil:
				return f, path, nil
			case errors.Is(err, journalfile.ErrLiving) || errors.Is(err, errWaits):
			case errors.Is(err, journalfile.ErrNotJournal) || errors.Is(err, journalfile.ErrNewerFormat) || errors.Is(err, journalfile.ErrDamaged) || errors.Is(err, journalfile.ErrLost):
				met = append(met, err)
			default:
				return nil, "", fmt.Errorf("take journal: %w", err) // the next name would meet it too
			}
		}
	}
	return nil, "", fmt.Errorf("%w: %w", journalfile.ErrPoolUsedUp, errors.Join(met[:min(len(met), 3)]...))
}

var errWaits = errors.New("journal: counts wait in it")

func vacantFile(path string) (*os.File, error) {
	f, err := journalfile.OpenFile(path, true)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = journalfile.CreateFile(path)
		if errors.Is(err, fs.ErrExist) { // by another process, at this moment
			f, err = journalfile.OpenFile(path, true)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: %s was removed", journalfile.ErrLost, path)
		}
	}
	if errors.Is(err, fs.ErrPermission) && exists(path) { // only this one is
		return nil, fmt.Errorf("%w: %w", journalfile.ErrNotJournal, err)
	}
	if err != nil {
		return nil, err
	}
	if err := vacate(f, path); err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return f, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func vacate(f *os.File, path string) error {
	if err := acquireFile(f, path); err != nil {
		return err
	}
	empty, err := isVacant(f)
	if err == nil && !empty {
		err = errWaits
	}
	return err
}

// acquireFile locks a file that is still at its path.
func acquireFile(f *os.File, path string) error {
	ok, err := journalfile.Lock(f)
	switch {
	case err != nil:
		return fmt.Errorf("lock %s: %w", path, err)
	case !ok:
		return fmt.Errorf("%w: %s", journalfile.ErrLiving, path)
	case !journalfile.Still(f, path):
		return fmt.Errorf("%w: %s was replaced", journalfile.ErrLost, path)
	}
	return nil
}

// isVacant reports whether nothing waits in a file: one that was just made, was
// given back empty, or holds no byte but zero.
func isVacant(f journalfile.File) (bool, error) {
	h, err := journalfile.ReadHeader(f)
	switch {
	case err != nil:
		return false, err
	case h.Zero:
		b, err := journalfile.ReadWhole(f)
		if err == nil && !journalfile.HoldsNothing(b) {
			err = fmt.Errorf("%w: its header is gone", journalfile.ErrDamaged)
		}
		return err == nil, err
	}
	return h.Run.Nonce == 0, nil
}
