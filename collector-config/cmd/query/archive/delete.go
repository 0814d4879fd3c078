package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/anonymoususage/anonymoususage-go/collector-config/cmd/query/internal/duck"
	"github.com/anonymoususage/anonymoususage-go/collector-config/cmd/query/internal/jsonfile"
	"github.com/anonymoususage/anonymoususage-go/collector-config/cmd/query/internal/kept"
	"github.com/anonymoususage/anonymoususage-go/collector-config/cmd/query/internal/rotation"
)

// delete deletes what is to be deleted from JSON and Parquet, and the database of the
// queries, which has a copy. The JSON comes first: where both are there, the Parquet
// counts, and without it the JSON would again.
func (k *keeper) delete(ctx context.Context) error {
	d, err := k.doomed(ctx)
	if err != nil || d.none() {
		return err
	}
	files, live, err := rotation.Find(k.archive)
	if err != nil {
		return err
	}
	var requests, points, days int
	for _, f := range files {
		n, err := k.deleteJSON(f, d)
		if err != nil {
			return fmt.Errorf("delete from %s: %w", f.Path, err)
		}
		requests += n
	}
	for _, path := range live {
		n, err := k.deleteLive(path, d)
		if err != nil {
			return fmt.Errorf("delete from %s: %w", path, err)
		}
		requests += n
	}
	if d.before != "" {
		if days, err = k.deleteDays(d.before); err != nil {
			return fmt.Errorf("delete days: %w", err)
		}
	}
	if len(d.installations)+len(d.streams) > 0 {
		if points, err = k.deleteParquet(ctx, d); err != nil {
			return fmt.Errorf("delete from Parquet: %w", err)
		}
	}
	if requests+points+days == 0 && len(d.installations)+len(d.streams) == 0 {
		return nil // no day has become too old since the last time
	}
	if err := kept.Forget(k.dir); err != nil {
		return fmt.Errorf("delete database of the queries: %w", err)
	}
	_, err = fmt.Fprintf(k.out, "deleted %d requests from JSON, %d days and %d points from Parquet\n", requests, days, points)
	return err
}

// doomed collects what is to be deleted.
func (k *keeper) doomed(ctx context.Context) (doomed, error) {
	d := doomed{installations: make(map[string]bool), streams: make(map[string]bool)}
	for _, id := range k.settings.delete {
		d.installations[id] = true
	}
	if k.days > 0 {
		d.before = dayOf(k.now().AddDate(0, 0, -int(k.days)))
	}
	if !k.erased {
		return d, nil
	}
	streams, err := rowsOf(ctx, k.db, func(rows *sql.Rows) (name string, err error) { return name, rows.Scan(&name) },
		"SELECT DISTINCT mirror FROM (SELECT mirror, metric FROM json_points UNION ALL SELECT mirror, metric FROM parquet_points) WHERE metric = "+duck.Quote(erased)+" AND mirror <> ''")
	if err != nil {
		return d, fmt.Errorf("read requests for deletion: %w", err)
	}
	for _, name := range streams {
		d.streams[name] = true
	}
	return d, nil
}

// deleteJSON deletes from a rotated file, and removes one that is too old.
func (k *keeper) deleteJSON(f rotation.File, d doomed) (deleted int, err error) {
	if dayOf(f.At) < d.before { // it was received before
		return 1, os.Remove(f.Path)
	}
	if d.before != "" {
		in, err := jsonfile.Open(f.Path)
		if err != nil {
			return 0, err
		}
		day := firstDay(in)
		if err := in.Close(); err != nil {
			return 0, err
		}
		if day >= d.before { // what follows was received later
			d.before = ""
		}
	}
	return deleteFrom(f.Path, d)
}

// deleteLive deletes from the file that the Collector writes if it does not run, and
// says what is left otherwise.
func (k *keeper) deleteLive(path string, d doomed) (int, error) {
	if k.stopped {
		return deleteFrom(path, d)
	}
	d.before = ""
	n, err := count(path, d)
	if n > 0 {
		_, err = fmt.Fprintf(k.out, "%s: %d requests are left, because the Collector writes to it: run this again with -stopped when it does not\n", path, n)
	}
	return 0, err
}

// count returns how many requests would be deleted.
func count(path string, d doomed) (n int, err error) {
	if d.none() {
		return 0, nil
	}
	in, err := jsonfile.Open(path)
	if err != nil {
		return 0, err
	}
	n, err = d.filter(io.Discard, in)
	return n, errors.Join(err, in.Close())
}

func deleteFrom(path string, d doomed) (int, error) {
	n, err := count(path, d)
	if err != nil || n == 0 {
		return 0, err
	}
	err = rewrite(path, path, func(out io.Writer, in io.Reader) error {
		_, err := d.filter(out, in)
		return err
	})
	return n, err
}

// deleteDays removes the directories of days, and returns how many.
func (k *keeper) deleteDays(before string) (deleted int, err error) {
	days, err := filepath.Glob(filepath.Join(k.parquet, finishedPrefix+"*", "application=*", "day=*"))
	if err != nil {
		return 0, err
	}
	for _, dir := range days {
		if filepath.Base(dir)[len("day="):] >= before {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			return deleted, err
		}
		if err := k.prune(dir); err != nil {
			return deleted, err
		}
		deleted++
	}
	return deleted, nil
}

// prune removes directories that are empty, from a day's upwards.
func (k *keeper) prune(day string) error {
	for dir := day; dir != k.parquet; dir = filepath.Dir(dir) {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if len(entries) > 0 {
			return nil
		}
		if err := remove(dir); err != nil {
			return err
		}
	}
	return nil
}

// deleteParquet writes the files anew that have points to be deleted.
func (k *keeper) deleteParquet(ctx context.Context, d doomed) (deleted int, err error) {
	files, err := filepath.Glob(filepath.Join(k.parquet, finishedPrefix+"*", "application=*", "day=*", "*.parquet"))
	if err != nil || len(files) == 0 {
		return 0, err
	}
	type found struct {
		file   string
		doomed int
	}
	list, err := rowsOf(ctx, k.db, func(rows *sql.Rows) (f found, err error) { return f, rows.Scan(&f.file, &f.doomed) },
		"SELECT filename, count(*) FROM read_parquet("+duck.List(files)+", hive_partitioning = false, filename = true) WHERE "+d.condition()+" GROUP BY filename ORDER BY filename")
	if err != nil {
		return 0, err
	}
	for _, f := range list {
		if err := k.rewriteParquet(ctx, f.file, f.doomed, d); err != nil {
			return deleted, fmt.Errorf("%s: %w", f.file, err)
		}
		deleted += f.doomed
	}
	return deleted, nil
}

func (k *keeper) rewriteParquet(ctx context.Context, file string, doomedPoints int, d doomed) error {
	var all, left int
	from := func(file string) string { return "read_parquet(" + duck.Quote(file) + ", hive_partitioning = false)" }
	if err := k.db.QueryRowContext(ctx, "SELECT count(*) FROM "+from(file)).Scan(&all); err != nil {
		return err
	}
	if all == doomedPoints {
		if err := os.Remove(file); err != nil {
			return err
		}
		return k.prune(filepath.Dir(file))
	}
	written := filepath.Join(filepath.Dir(file), unfinishedPrefix+filepath.Base(file)+".new")
	if _, err := k.db.ExecContext(ctx, copyTo("SELECT * FROM "+from(file)+" WHERE NOT "+d.condition(), written)); err != nil {
		return err
	}
	if err := k.db.QueryRowContext(ctx, "SELECT count(*) FROM "+from(written)).Scan(&left); err != nil {
		return err
	}
	if left != all-doomedPoints {
		return errors.Join(fmt.Errorf("%w: %d points, want %d", errDiffers, left, all-doomedPoints), os.Remove(written))
	}
	return replace(written, file)
}
