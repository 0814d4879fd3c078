package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/cmd/query/internal/duck"
	"github.com/anonymoususage/anonymoususage-go/collector-config/cmd/query/internal/rotation"
)

const (
	unfinishedPrefix = ".unfinished-" // of a directory that is being written
	finishedPrefix   = "file="        // of one that the views read
)

// keeper keeps one archive.
type keeper struct {
	settings
	out     io.Writer
	dir     string // of the archive
	parquet string // dir/parquet
	db      *sql.DB
	now     func() time.Time
}

// open opens an archive. Of two at a time the second fails: DuckDB locks the file.
func open(ctx context.Context, out io.Writer, s settings) (_ *keeper, err error) {
	k := &keeper{settings: s, out: out, dir: filepath.Dir(s.archive), now: time.Now}
	k.parquet = filepath.Join(k.dir, "parquet")
	work := filepath.Join(k.parquet, ".work")
	if err := os.MkdirAll(work, 0o700); err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	k.db, err = duck.Open(ctx, filepath.Join(work, "lock.duckdb"), duck.Settings{Memory: s.memory, Threads: s.threads, Spill: filepath.Join(work, "spill")})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.db.Close())
		}
	}()
	if err := duck.Views(ctx, k.db, s.archive, s.views, false); err != nil {
		return nil, err
	}
	return k, k.clean()
}

// clean removes what was left by one that was killed.
func (k *keeper) clean() error {
	unfinished := []string{filepath.Join(k.parquet, ".work", "spill")}
	for _, dir := range []string{k.dir, k.parquet, filepath.Join(k.parquet, finishedPrefix+"*", "application=*", "day=*")} {
		left, err := filepath.Glob(filepath.Join(dir, "*"+unfinishedPrefix+"*")) // DuckDB puts tmp_ before
		if err != nil {
			return err
		}
		unfinished = append(unfinished, left...)
	}
	for _, path := range unfinished {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("remove what is unfinished: %w", err)
		}
	}
	return nil
}

func (k *keeper) close() error { return k.db.Close() }

// directory is where the Parquet of a file is.
func (k *keeper) directory(f rotation.File) string {
	return filepath.Join(k.parquet, finishedPrefix+f.Name)
}

// run deletes what is to be deleted, and then converts what is left.
func (k *keeper) run(ctx context.Context) error {
	if err := k.delete(ctx); err != nil {
		return err
	}
	return k.pack(ctx)
}

// pack converts each rotated file that is not converted, and puts away its JSON. The
// file that the Collector writes is not among them.
func (k *keeper) pack(ctx context.Context) error {
	files, _, err := rotation.Find(k.archive)
	if err != nil {
		return err
	}
	for _, f := range files {
		if _, err := os.Stat(k.directory(f)); k.toParquet && errors.Is(err, os.ErrNotExist) {
			if err := k.convertStaged(ctx, f); err != nil {
				return fmt.Errorf("%s: %w", f.Path, err)
			}
		}
		if err := k.putAway(f); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	return nil
}

// convertStaged converts a file with a database beside for what is read from it, which
// has ids and does not outlive it.
func (k *keeper) convertStaged(ctx context.Context, f rotation.File) (err error) {
	began := k.now()
	staged := filepath.Join(k.parquet, ".work", "stage.duckdb")
	forget := func() error { return errors.Join(remove(staged), remove(staged+".wal")) }
	if err := forget(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, forget()) }()
	if _, err := k.db.ExecContext(ctx, "ATTACH "+duck.Quote(staged)+" AS stage"); err != nil {
		return fmt.Errorf("make stage: %w", err)
	}
	c, err := k.convert(ctx, f)
	_, detach := k.db.ExecContext(context.WithoutCancel(ctx), "DETACH stage")
	if err := errors.Join(err, detach); err != nil {
		return err
	}
	info, err := os.Stat(f.Path)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(k.out, "%s: %d points, %d once each, in %d parts; %d bytes as %s, %d as Parquet, in %v\n", f.Name,
		c.points, c.kept, c.parts, info.Size(), strings.TrimPrefix(filepath.Base(f.Path), f.Name+"."), c.size, k.now().Sub(began).Round(time.Millisecond))
	return err
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
