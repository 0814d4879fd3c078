package schema

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// IsDamage reports whether an error says that a mirror is damaged, and not that it
// cannot be read now.
func IsDamage(err error) bool {
	return sqlitedb.Unsound(err) || errors.Is(err, ErrNoMirror) || errors.Is(err, series.ErrUnreadable) || sqlitedb.HasCode(err, sqlitedb.CodeTooBig)
}

// TablesGone reports whether a statement of this package does not fit the
// tables. All are constants, so that it is the file that differs.
func TablesGone(err error) bool {
	if !sqlitedb.HasCode(err, sqlitedb.CodeError) || errors.Is(err, ErrNoMirror) {
		return false
	}
	for _, text := range [...]string{"no such table", "no such column", "has no column named", "ON CONFLICT clause does not match", "because it is a view"} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}

// WasMirror reports whether a file that does not read as a database shows that
// it was a mirror. Anything else may be somebody's document under a wrong path
// and is not to be moved. What a file system zeroed after a crash shows nothing:
// it was one if this process had it open, or if a log lies beside it.
func WasMirror(path string, known bool) (bool, error) {
	if place.HasBeside(path) {
		return true, nil
	}
	f, _, err := place.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	start, err := io.ReadAll(io.LimitReader(f, MarkLimit))
	if err != nil {
		return false, err
	}
	if known && len(bytes.Trim(start, "\x00")) == 0 {
		return true, nil
	}
	return bytes.Contains(start, []byte("CREATE TABLE mirror")) || HasApplicationID(start), nil
}

// IsDamaged reports whether the file at the path reads as an unsound database,
// twice, each time through a connection of its own: one read may fail. A file
// that cannot be read now, because another process is making it, is not damaged.
func IsDamaged(path string, wait time.Duration) bool {
	if file, err := os.Stat(path); err == nil && file.Size() == 0 {
		return true
	}
	for range 2 {
		if !readsDamaged(path, wait) {
			return false
		}
	}
	return true
}

func readsDamaged(path string, wait time.Duration) bool {
	conn, err := sqlitedb.Open(path, false, wait)
	if err != nil {
		return sqlitedb.Unsound(err)
	}
	var verdict string
	err = conn.QueryRow("PRAGMA integrity_check(1)").Scan(&verdict)
	empty := err == nil && hasNoMirror(conn)
	_ = conn.Close() // nothing was written
	if err != nil {
		return sqlitedb.Unsound(err)
	}
	return verdict != "ok" || empty
}

// Check refuses what is somebody else's. It looks once, at one state of
// the file: another process may be making the mirror.
func Check(c *sqlitedb.Conn) error {
	var id, objects int64
	err := c.QueryRow(`SELECT application_id, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id`).Scan(&id, &objects)
	if err != nil || id == ApplicationID {
		return err
	}
	if id != 0 || objects != 0 {
		return fmt.Errorf("%w: it is another application's database", place.ErrNotMirror)
	}
	return nil
}
