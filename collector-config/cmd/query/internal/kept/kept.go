// Package kept keeps what the questions to an archive read in a database beside it,
// so that the next one reads only what is new:
// the points of each JSON file, of which only what was added is read. A file is known
// by its content: one that was renamed is the same, one that was changed is read again.
// Parquet is read where it is, which is as fast. The database has the ids that the
// archive has.
package kept

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/anonymoususage/anonymoususage-go/collector-config/cmd/query/internal/duck"
)

// database is the name of the file, in the archive's directory.
const database = "usage.duckdb"

// Forget removes the database of an archive's directory, which has a copy of what is
// deleted from the archive.
func Forget(dir string) error {
	var errs []error
	for _, name := range []string{database, database + ".wal"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Database is the database of one archive.
type Database struct {
	*sql.DB
	dir string
}

// Open opens the database and reads what is new.
func Open(ctx context.Context, archive, views string, s duck.Settings) (_ *Database, err error) {
	dir := filepath.Dir(archive)
	db, err := duck.Open(ctx, filepath.Join(dir, database), s)
	if err != nil {
		return nil, err
	}
	d := &Database{DB: db, dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	if err := os.Chmod(filepath.Join(dir, database), 0o600); err != nil {
		return nil, fmt.Errorf("protect database: %w", err)
	}
	if err := duck.Views(ctx, db, archive, views, false); err != nil {
		return nil, err
	}
	if err := d.create(ctx, views); err != nil {
		return nil, fmt.Errorf("create tables: %w", err)
	}
	if err := d.read(ctx); err != nil {
		return nil, fmt.Errorf("read archive: %w", err)
	}
	return d, nil
}

// create makes the tables, empty ones if the views are others than before.
func (d *Database) create(ctx context.Context, views string) error {
	text, err := os.ReadFile(views)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	version := hex.EncodeToString(sum[:])
	var known int
	err = d.QueryRowContext(ctx, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'kept_files' AND comment = ?", version).Scan(&known)
	if err != nil || known > 0 {
		return err
	}
	return d.exec(ctx,
		"DROP TABLE IF EXISTS kept_files", "DROP TABLE IF EXISTS kept_points",
		"CREATE TABLE kept_points AS SELECT 0::BIGINT AS file, '' AS source, * FROM json_once WHERE false",
		"CREATE TABLE kept_files (id BIGINT, path VARCHAR, size BIGINT, modified BIGINT, taken BIGINT, digest VARCHAR)",
		"COMMENT ON TABLE kept_files IS "+duck.Quote(version))
}

func (d *Database) exec(ctx context.Context, statements ...string) error {
	tx, err := d.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}
