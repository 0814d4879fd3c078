package journalfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// File is an open journal. Tests put faults in between.
type File interface {
	io.ReaderAt
	io.WriterAt
	Stat() (os.FileInfo, error)
	Truncate(size int64) error
	Sync() error
	Close() error
}

// What is made is for this user alone.
const OwnFile fs.FileMode = 0o600

// OpenFile opens what lies at a path if it may be a journal: a regular file of
// this user, reached by no link and by no other name. Nothing else is opened,
// because opening some of it waits for ever, or does what the device does.
func OpenFile(path string, write bool) (*os.File, error) {
	f, _, err := OpenInfo(path, write)
	return f, err
}

// OpenInfo is OpenFile that also returns what the system says of the file.
func OpenInfo(path string, write bool) (f *os.File, after fs.FileInfo, err error) {
	before, err := os.Lstat(path)
	if err != nil {
		return nil, nil, err
	}
	if err := checkFile(path, before); err != nil {
		return nil, nil, err
	}
	if f, err = openRegular(path, write); err != nil {
		return nil, nil, fmt.Errorf("open %s: %w", path, err)
	}
	after, err = f.Stat()
	if err == nil && !os.SameFile(before, after) {
		err = fmt.Errorf("%w: %s changed while it was opened", ErrNotJournal, path)
	}
	if err == nil {
		err = checkFile(path, after)
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, nil, err
	}
	if write {
		closeToOthers(f, after)
	}
	return f, after, nil
}

func checkFile(path string, info os.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is no regular file: %v", ErrNotJournal, path, info.Mode().Type())
	}
	return checkOwner(path, info)
}

// CreateFile makes a file that was not there.
func CreateFile(path string) (*os.File, error) {
	f, err := createRegular(path)
	if err != nil {
		return nil, err
	}
	giveFile(f)
	if info, err := f.Stat(); err == nil {
		closeToOthers(f, info) // whatever the umask
	}
	return f, nil
}

// Still reports whether a file is the one that its path leads to.
func Still(f File, path string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	at, err := os.Lstat(path)
	return err == nil && os.SameFile(open, at)
}

var zeros [GrownSize]byte

// WriteZeros overwrites a range: a full disk is met here, not where a count is
// written, and no byte of an earlier run is left in it.
func WriteZeros(f File, from, to int64) error {
	if err := MayGrow(to); err != nil {
		return err
	}
	for from < to {
		n, err := f.WriteAt(zeros[:min(int64(len(zeros)), to-from)], from)
		if err != nil {
			return err
		}
		from += int64(n)
	}
	return nil
}

// ReadWhole reads a file up to a bound that no journal reaches.
func ReadWhole(f File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return ReadSized(f, info.Size(), nil)
}

// ReadSized is ReadWhole of a file of a known size, into a buffer if that has room.
func ReadSized(f File, size int64, buffer []byte) ([]byte, error) {
	const most = 1 << 30
	if size > most {
		return nil, fmt.Errorf("%w: %d bytes", ErrDamaged, size)
	}
	b := buffer[:cap(buffer)]
	if int64(len(b)) < size {
		b = make([]byte, size)
	}
	b = b[:size]
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b[:n], nil
}
