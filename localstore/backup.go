package localstore

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// Backup writes a copy of the mirror, as it is at one moment, to a new file that
// this user alone can read. SQLite itself makes it. An application that reads its
// own mirror's files in any other way, such as with os.ReadFile, gives up the locks
// that all its connections hold on them, and other processes can then damage the
// mirror. An existing file is never overwritten: [io/fs.ErrExist]. What was erased
// is not in the copy, except for states that are still to be taken back. It stops
// when ctx ends, and leaves no file then.
//
// A copy is for reading. If an application records into it, there are two writers
// of the same stream.
func (s *Store) Backup(ctx context.Context, path string) error {
	if s.missing() {
		return ErrNotOpen
	}
	if err := s.db.LockWithin(ctx); err != nil {
		return mirrordb.Wrap("back up mirror", err)
	}
	defer s.db.Unlock()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, place.FileMode)
	if err != nil {
		return mirrordb.Wrap("back up mirror", err)
	}
	place.SetPermissions(f, place.FileMode)
	if err := f.Close(); err != nil {
		return errors.Join(fmt.Errorf("back up mirror: %w", err), place.Remove(path))
	}
	err = s.db.CopyTo(ctx, path)
	if err != nil {
		return errors.Join(fmt.Errorf("back up mirror: %w", err), place.Remove(path), place.Remove(path+"-journal"))
	}
	return nil
}
