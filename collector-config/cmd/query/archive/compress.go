package main

import (
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"github.com/anonymoususage/anonymoususage-go/collector-config/cmd/query/internal/jsonfile"
	"github.com/anonymoususage/anonymoususage-go/collector-config/cmd/query/internal/rotation"
)

// What becomes of the JSON of a rotated file.
const (
	keepJSON   = "keep"
	removeJSON = "remove" // only of a file that is Parquet
	gzipJSON   = "gzip"
	zstdJSON   = "zstd"
)

var endings = map[string]string{gzipJSON: ".gz", zstdJSON: ".zst"}

// putAway removes or compresses the JSON of a rotated file.
func (k *keeper) putAway(f rotation.File) error {
	if k.json == keepJSON || k.awaited(f) {
		return nil
	}
	switch k.json {
	case removeJSON:
		if _, err := os.Stat(k.directory(f)); err != nil {
			return fmt.Errorf("remove JSON: %w", err) // there is nothing else of it
		}
		if err := os.Remove(f.Path); err != nil {
			return fmt.Errorf("remove JSON: %w", err)
		}
		return syncDirectory(k.dir)
	}
	if filepath.Ext(f.Path) != ".jsonl" {
		return nil
	}
	compressed := f.Path + endings[k.json]
	if err := rewrite(f.Path, compressed, func(out io.Writer, in io.Reader) error { _, err := io.Copy(out, in); return err }); err != nil {
		return fmt.Errorf("compress JSON: %w", err)
	}
	if err := same(f.Path, compressed); err != nil {
		return fmt.Errorf("compress JSON: %w", errors.Join(err, os.Remove(compressed)))
	}
	if err := os.Remove(f.Path); err != nil {
		return fmt.Errorf("remove JSON: %w", err)
	}
	return syncDirectory(k.dir)
}

// awaited reports whether an aggregator that starts needs the JSON of a file, because
// it has no checkpoint.
func (k *keeper) awaited(f rotation.File) bool {
	if k.checkpoints == "" {
		return false
	}
	_, err := os.Stat(filepath.Join(k.checkpoints, f.Name+".jsonl"))
	return err != nil
}

// rewrite writes a file anew, compressed as its name says. It has its name when it is
// complete.
func rewrite(from, to string, do func(io.Writer, io.Reader) error) (err error) {
	in, err := jsonfile.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	unfinished := filepath.Join(filepath.Dir(to), unfinishedPrefix+filepath.Base(to))
	f, err := os.OpenFile(unfinished, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, remove(unfinished))
		}
	}()
	var out io.WriteCloser = f
	switch filepath.Ext(to) {
	case ".gz":
		out = gzip.NewWriter(f)
	case ".zst":
		if out, err = zstd.NewWriter(f); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	err = do(out, in)
	if out != io.WriteCloser(f) {
		err = errors.Join(err, out.Close())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return replace(unfinished, to)
}

var errOther = errors.New("the compressed file read back is another")

// same compares what two files have.
func same(a, b string) error {
	one, err := digest(a)
	if err != nil {
		return err
	}
	other, err := digest(b)
	if err != nil {
		return err
	}
	if one != other {
		return errOther
	}
	return nil
}

func digest(path string) (sum [sha256.Size]byte, err error) {
	f, err := jsonfile.Open(path)
	if err != nil {
		return sum, err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	return [sha256.Size]byte(h.Sum(nil)), errors.Join(err, f.Close())
}
