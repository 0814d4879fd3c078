package setup

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// maxFileSize bounds what is read of a file.
const maxFileSize = 1 << 20

// LoadFile reads a configuration file; the package says what may be in it. On
// an error the Config is the zero one, and the error joins a [*FileError] for
// each thing that is wrong. Nothing is created and nothing is sent.
func LoadFile(path string) (Config, error) {
	data, err := readFile(path)
	if err != nil {
		if e, ok := errors.AsType[*fs.PathError](err); ok {
			err = fmt.Errorf("%s: %w", e.Op, e.Err) // the path is named already
		}
		return Config{}, &FileError{File: path, Err: err}
	}
	return parse(path, data)
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case info.IsDir():
		return nil, fmt.Errorf("%w: it is a directory", ErrNotFile)
	case !info.Mode().IsRegular(): // opening a pipe could wait for ever
		return nil, ErrNotFile
	case info.Size() > maxFileSize:
		return nil, ErrTooLarge
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFileSize { // it has grown, or does not know its size
		return nil, ErrTooLarge
	}
	return data, nil
}
