package python

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

// errBeingWritten is met where a database changes while it is copied.
var errBeingWritten = errors.New("localstore: it is being written")

// copies is how often a database that changes meanwhile is copied.
const copies = 3

// copied runs f with a private copy of the Python library's files, which it may
// change: what a killed program left in a journal is rolled back there, and the
// originals stay as they are. near is where the copy is made if there is no
// place for temporary files.
func (r Files) copied(near string, f func(Files) error) (err error) {
	dir, err := os.MkdirTemp("", "otelusage-")
	if err != nil {
		var nearErr error
		if dir, nearErr = os.MkdirTemp(near, ".otelusage-"); nearErr != nil {
			return fmt.Errorf("make a directory for a copy: %w", errors.Join(err, nearErr))
		}
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	to := r.In(dir)
	if err := r.CopyTo(to); err != nil {
		return err
	}
	return f(to)
}

// In returns the files of the same names in another directory.
func (r Files) In(dir string) Files {
	return Files{Master: filepath.Join(dir, filepath.Base(r.Master)), Part: filepath.Join(dir, filepath.Base(r.Part))}
}

// CopyTo copies both databases with the files beside them, as they were together
// at one moment.
func (r Files) CopyTo(to Files) error {
	c := copier{from: r, to: to, read: copyContent}
	return c.copy()
}

// copier copies both databases with the files beside them.
type copier struct {
	from, to Files
	read     func(to io.Writer, from *os.File) error
}

// copy makes the copy as the files were together at one moment: all are read
// twice, and where both readings find the same there was one in between.
func (c *copier) copy() error {
	for range copies {
		if err := errors.Join(place.RemoveAll(c.to.Master), place.RemoveAll(c.to.Part)); err != nil {
			return err
		}
		first, err := c.readAll(c.write)
		if err != nil {
			return err
		}
		second, err := c.readAll(func(from, _ string) (digest, error) { return c.digest(io.Discard, from) })
		if err != nil || first == second {
			return err
		}
	}
	return errBeingWritten
}

// digest tells contents apart; that of no file is zero.
type digest [sha256.Size]byte

// copiedSuffixes: what processes share in -shm means nothing without them.
var copiedSuffixes = [...]string{"", "-wal", place.JournalSuffix}

// readAll reads all files, each with where its copy goes.
func (c *copier) readAll(read func(from, to string) (digest, error)) (found [2][len(copiedSuffixes)]digest, err error) {
	for i, pair := range [...][2]string{{c.from.Master, c.to.Master}, {c.from.Part, c.to.Part}} {
		from, err := filepath.EvalSymlinks(pair[0]) // its journal lies beside the file itself
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return found, err
		}
		for j, suffix := range copiedSuffixes {
			found[i][j], err = read(from+suffix, pair[1]+suffix)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return found, fmt.Errorf("copy %s: %w", from+suffix, err)
			}
		}
	}
	return found, nil
}

func (c *copier) write(from, to string) (digest, error) {
	if !exists(from) {
		return digest{}, fs.ErrNotExist
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return digest{}, err
	}
	sum, err := c.digest(f, from)
	return sum, errors.Join(err, f.Close())
}

func (c *copier) digest(to io.Writer, path string) (digest, error) {
	at, err := os.Lstat(path)
	if err != nil {
		return digest{}, err
	}
	if what := place.Irregular(at.Mode()); what != "" {
		return digest{}, fmt.Errorf("it is %s", what)
	}
	from, file, err := place.Open(path)
	if err != nil {
		return digest{}, err
	}
	defer from.Close() // no connection of this process has it open and would lose its locks
	if err := place.CheckWriters(path, file); err != nil {
		return digest{}, err
	}
	hash := sha256.New()
	if err := c.read(io.MultiWriter(hash, to), from); err != nil {
		return digest{}, err
	}
	return digest(hash.Sum(nil)), nil
}

func copyContent(to io.Writer, from *os.File) error {
	_, err := io.Copy(to, from)
	return err
}
