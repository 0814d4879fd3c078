package kept

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/anonymoususage/anonymoususage-go/collector-config/cmd/query/internal/duck"
	"github.com/anonymoususage/anonymoususage-go/collector-config/cmd/query/internal/jsonfile"
)

// file is a JSON file as it was read.
type file struct {
	id             int64
	path           string
	size, modified int64  // on the disk
	taken          int64  // how much of its text was read
	digest         string // of that
}

// read reads what is new in the JSON files, and removes what is not there any more.
func (d *Database) read(ctx context.Context) error {
	paths, err := d.paths(ctx, "json_files")
	if err != nil {
		return err
	}
	parquet, err := d.paths(ctx, "parquet_files")
	if err != nil {
		return err
	}
	if len(paths)+len(parquet) == 0 {
		return errors.New("the archive has no files")
	}
	known, err := d.files(ctx)
	if err != nil {
		return err
	}
	current := make(map[int64]bool)
	for _, path := range paths {
		f, err := d.file(ctx, path, known, current)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		current[f.id] = true
	}
	for _, f := range known {
		if !current[f.id] {
			if err := d.exec(ctx, forget(f)...); err != nil {
				return err
			}
		}
	}
	return d.exec(ctx, "CREATE OR REPLACE VIEW json_read AS SELECT * EXCLUDE (file) FROM kept_points")
}

// once is each point of what is read now once, as the table json_once has it.
const once = `application, version, installation, mirror, kind, scope_version, metric, unit, type, state, checkpoint, period, date, attributes, started, ended,
	min(received) AS received, min(value) AS value, min(runs) AS runs, min(buckets) AS buckets, CAST(sum(arrivals) AS BIGINT) AS arrivals
	FROM json_points
	GROUP BY application, version, installation, mirror, kind, scope_version, metric, unit, type, state, checkpoint, period, date, attributes, started, ended`

// paths are the files that a variable names.
func (d *Database) paths(ctx context.Context, variable string) (list []string, err error) {
	rows, err := d.QueryContext(ctx, "SELECT unnest(getvariable("+duck.Quote(variable)+"))")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var path string
		if err := rows.Scan(&path); err != nil {
			return nil, err
		}
		list = append(list, path)
	}
	return list, rows.Err()
}

func (d *Database) files(ctx context.Context) (list []file, err error) {
	rows, err := d.QueryContext(ctx, "SELECT id, path, size, modified, taken, digest FROM kept_files ORDER BY id")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var f file
		if err := rows.Scan(&f.id, &f.path, &f.size, &f.modified, &f.taken, &f.digest); err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, rows.Err()
}

// file reads what is new in one file. taken are the known ones that are others.
func (d *Database) file(ctx context.Context, path string, known []file, taken map[int64]bool) (file, error) {
	info, err := os.Stat(path)
	if err != nil {
		return file{}, err
	}
	now := file{path: path, size: info.Size(), modified: info.ModTime().UnixNano()}
	for _, f := range known {
		if f.path == path && f.size == now.size && f.modified == now.modified && !taken[f.id] {
			return f, nil
		}
	}
	before, err := find(path, known, taken)
	if err != nil {
		return file{}, err
	}
	statements := []string{}
	now.id = before.id
	if now.id == 0 {
		if err := d.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) + 1 FROM kept_files").Scan(&now.id); err != nil {
			return file{}, err
		}
	}
	unread, err := os.CreateTemp(d.dir, ".unread-*.jsonl")
	if err != nil {
		return file{}, err
	}
	defer os.Remove(unread.Name())
	now.taken, now.digest, err = copyAfter(unread, path, before.taken)
	if err := errors.Join(err, unread.Close()); err != nil {
		return file{}, err
	}
	if now.taken > before.taken {
		statements = append(statements, "SET VARIABLE json_files = "+duck.List([]string{unread.Name()}),
			// A source has each point once: what is read later of the same file is another one.
			fmt.Sprintf("INSERT INTO kept_points BY NAME SELECT %d::BIGINT AS file, %s AS source, %s", now.id, duck.Quote(fmt.Sprint("json ", now.id, " ", before.taken)), once))
	}
	statements = append(statements, fmt.Sprint("DELETE FROM kept_files WHERE id = ", now.id),
		fmt.Sprintf("INSERT INTO kept_files VALUES (%d, %s, %d, %d, %d, %s)", now.id, duck.Quote(now.path), now.size, now.modified, now.taken, duck.Quote(now.digest)))
	return now, d.exec(ctx, statements...)
}

func forget(f file) []string {
	return []string{fmt.Sprint("DELETE FROM kept_points WHERE file = ", f.id), fmt.Sprint("DELETE FROM kept_files WHERE id = ", f.id)}
}

// find returns the known file that a file begins with: the same before more was
// added, or before it was renamed or compressed.
func find(path string, known []file, taken map[int64]bool) (file, error) {
	sums := make(map[int64]string) // by length
	for _, f := range known {
		if taken[f.id] || f.taken == 0 {
			continue
		}
		if _, ok := sums[f.taken]; !ok {
			sum, err := digest(path, f.taken)
			if err != nil {
				return file{}, err
			}
			sums[f.taken] = sum
		}
		if sums[f.taken] == f.digest {
			return f, nil
		}
	}
	return file{}, nil
}

// digest is of the first bytes of a file's text, empty if it has less.
func digest(path string, length int64) (string, error) {
	f, err := jsonfile.Open(path)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	n, err := io.CopyN(h, f, length)
	if err = errors.Join(err, f.Close()); n < length {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = nil
		}
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), err
}

// copyAfter copies the complete requests behind a place in a file's text. It returns
// where they end and the digest of everything up to there.
func copyAfter(out io.Writer, path string, from int64) (end int64, sum string, err error) {
	f, err := jsonfile.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	if _, err := io.CopyN(h, f, from); err != nil {
		return 0, "", err
	}
	n, err := lines(io.MultiWriter(out, h), f)
	return from + n, text(h), err
}

func text(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// lines copies lines. The last one may be without its end, because it is being
// written: it is copied if it is complete JSON.
func lines(out io.Writer, in io.Reader) (n int64, err error) {
	r := bufio.NewReaderSize(in, 1<<20)
	var line []byte
	for {
		piece, err := r.ReadSlice('\n')
		line = append(line, piece...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && !json.Valid(bytes.TrimSpace(line)):
			return n, nil
		case err != nil && !errors.Is(err, io.EOF):
			return n, err
		}
		written, failed := out.Write(line)
		n += int64(written)
		if failed != nil || err != nil {
			return n, failed
		}
		line = line[:0]
	}
}
