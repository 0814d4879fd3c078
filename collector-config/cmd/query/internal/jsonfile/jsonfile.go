// Package jsonfile reads the archive's JSON files, also compressed ones.
package jsonfile

import (
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// File is a file that is decompressed as its name says.
type File struct {
	io.Reader
	close []func() error
}

// Open opens a file.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	switch {
	case strings.HasSuffix(path, ".gz"):
		zip, err := gzip.NewReader(f)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return &File{zip, []func() error{zip.Close, f.Close}}, nil
	case strings.HasSuffix(path, ".zst"):
		zip, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return &File{zip, []func() error{func() error { zip.Close(); return nil }, f.Close}}, nil
	}
	return &File{f, []func() error{f.Close}}, nil
}

// Close closes the file.
func (f *File) Close() error {
	var errs []error
	for _, c := range f.close {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}
