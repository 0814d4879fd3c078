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

// LoadFile reads a configuration file, as the package documentation describes it.
// On an error it returns a zero Config, and the error joins a [*FileError] for
// each fault. Parts without effect are no errors; Config.Notes has them. LoadFile
// creates nothing and sends nothing.
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
	if err == nil {
		err = checkInfo(info) // opening some of what is no file does something
	}
	if err != nil {
		return nil, err
	}
	return readRegular(path)
}

func checkInfo(info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return fmt.Errorf("%w: it is a directory", ErrNotFile)
	case !info.Mode().IsRegular():
		return ErrNotFile
	case info.Size() > maxFileSize:
		return ErrTooLarge
	}
	return nil
}

// readRegular reads a file that may be another one than a moment ago: a pipe
// would wait for its writer.
func readRegular(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|neverWait, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		err = checkInfo(info)
	}
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFileSize { // it has grown, or does not know its size
		return nil, ErrTooLarge
	}
	return data, nil
}
