package warm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
)

// Retire takes the cache of a mirror away. Whoever changes the mirror calls it under
// the write lock, before the commit. Thoroughly leaves no byte of it, and none after
// a power failure either, for decisions and erasures. After an error the cache may be
// there still: nothing is to be committed.
func Retire(mirror string, thoroughly bool) error {
	f, err := open(mirror)
	if err != nil {
		return nil // what cannot be opened so is no cache for anybody
	}
	return retire(f, Path(mirror), thoroughly)
}

func retire(f *os.File, path string, thoroughly bool) error {
	err := invalidate(f, thoroughly)
	err = errors.Join(err, f.Close())
	if err == nil {
		return nil
	}
	// A file system that copies what is overwritten may have no room for that.
	if removed := os.Remove(path); removed != nil && !errors.Is(removed, fs.ErrNotExist) {
		return fmt.Errorf("retire cache: %w", errors.Join(err, removed))
	}
	return nil
}

func invalidate(f *os.File, thoroughly bool) error {
	end := int64(headerSize)
	if thoroughly {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		end = info.Size()
	} else if held(f) == 0 {
		return nil
	}
	if err := journalfile.WriteZeros(f, 0, end); err != nil {
		return err
	}
	if !thoroughly {
		return nil
	}
	return f.Sync()
}
