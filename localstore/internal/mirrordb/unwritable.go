package mirrordb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// A reader of a file with a write-ahead log makes files beside it. It leaves none
// behind. Where it cannot make them, it reads only the file, if there is no log
// beside it.

// connectReader opens a mirror for reading.
func (db *DB) connectReader() (*sqlitedb.Conn, error) {
	conn, err := sqlitedb.Open(db.path, true, db.Patience())
	if err == nil {
		conn.EndWith(db.ends)
		if err = db.inspect(conn); err == nil {
			return conn, nil
		}
		err = errors.Join(err, conn.Close()) // read-only, it leaves files beside it alone
	}
	if !sqlitedb.HasCode(err, sqlitedb.CodeCannotOpen, sqlitedb.CodeReadOnly) {
		return nil, err
	}
	return db.connectUnwritable(err)
}

// connectUnwritable opens a mirror where no file can be made beside it. A process
// that has it open has its log beside it. So without a log nobody writes to it now,
// and it is opened for each reading. With a log, the file does not hold everything
// that was recorded, and is not shown as if it did.
func (db *DB) connectUnwritable(cause error) (*sqlitedb.Conn, error) {
	dir := filepath.Dir(db.path)
	denied := place.WriteDenied(dir)
	if denied == nil {
		return nil, cause
	}
	if hasContent(db.path+"-wal") || hasContent(db.path+"-journal") {
		return nil, fmt.Errorf("%w: the files that are needed beside the mirror to read its log cannot be made in %s (%w); "+
			"a copy of usage.db and usage.db-wal where you can write would do: %w", fs.ErrPermission, dir, denied, cause)
	}
	if !errors.Is(denied, syscall.EROFS) {
		return nil, fmt.Errorf("%w: the files that are needed beside the mirror to read it cannot be made in %s (%w); "+
			"a copy where you can write would do: %w", fs.ErrPermission, dir, denied, cause)
	}
	conn, err := sqlitedb.OpenSource(sqlitedb.DataSource(db.path, true, db.Patience()) + "&immutable=1")
	if err != nil {
		return nil, err
	}
	conn.Limit(sqlitedb.MaxLoaded)
	conn.EndWith(db.ends)
	if err := db.inspect(conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	conn.Immutable = true
	return conn, nil
}

func hasContent(path string) bool {
	file, err := os.Stat(path)
	return err == nil && file.Size() > 0
}
