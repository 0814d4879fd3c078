package setup

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// What can be wrong with a configuration. Errors of [LoadFile] and [Start] wrap
// these; those of LoadFile hold a [*FileError] for each.
var (
	// ErrUnknownSection is a section other than General, HQ and OTLP, which is
	// noted, or a key before the first section.
	ErrUnknownSection = errors.New("unknown section")

	// ErrUnknownKey is a key that its section does not have. It is noted, unless
	// it may be the second line of a value.
	ErrUnknownKey = errors.New("unknown key")

	// ErrDuplicate is a section or key that appears twice, which is noted, or a
	// header that does.
	ErrDuplicate = errors.New("given twice")

	// ErrBadValue is a value that its key cannot have.
	ErrBadValue = errors.New("bad value")

	// ErrMissingKey is a required key that is absent or empty.
	ErrMissingKey = errors.New("missing")

	// ErrNeverSubmits is a destination without submit_interval_s. It is noted.
	// Nothing is submitted unless code sets Config.SubmitInterval.
	ErrNeverSubmits = errors.New("missing: nothing is ever submitted")

	// ErrTwoDestinations is a configuration with both HQ and OTLP.
	ErrTwoDestinations = errors.New("both HQ and OTLP are configured: there can be one destination")

	// ErrSyntax is a line that is neither a section nor a key nor a comment.
	ErrSyntax = errors.New("not understood")

	// ErrNotText is a file that is not UTF-8 text.
	ErrNotText = errors.New("not UTF-8 text")

	// ErrTooLarge is a file of more than 1 MiB.
	ErrTooLarge = errors.New("larger than 1 MiB")

	// ErrNotFile is a directory or anything else that is not a regular file.
	ErrNotFile = errors.New("not a regular file")

	// ErrEmpty is a file without a section.
	ErrEmpty = errors.New("empty: there is no section in it")
)

// FileError is one fault of a configuration file, or one part of it that has no
// effect.
type FileError struct {
	File string // as given to LoadFile
	Line int    // from 1; 0 where it is about the file as a whole
	Key  string // as it is written in the file; empty where it is about a section, a line or the file
	Err  error  // the cause, which wraps one of the errors above or comes from the file system
}

// Error returns "read configuration FILE:LINE: KEY: cause".
func (e *FileError) Error() string {
	if e == nil {
		return "read configuration"
	}
	s := "read configuration " + e.File
	if e.Line > 0 {
		s = fmt.Sprintf("%s:%d", s, e.Line)
	}
	if e.Key != "" {
		s += ": " + e.Key
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Err
}

// maxErrors bounds how much is said about one file.
const maxErrors = 20

// fileErrors collects what is wrong with one file.
type fileErrors struct {
	file string
	errs []*FileError
}

func (l *fileErrors) add(line int, key string, err error) {
	if err != nil && len(l.errs) < maxErrors {
		l.errs = append(l.errs, &FileError{File: l.file, Line: line, Key: key, Err: err})
	}
}

func (l *fileErrors) any() bool { return len(l.errs) > 0 }

// sorted returns all in the order of the lines, nil for none.
func (l *fileErrors) sorted() (errs []error) {
	slices.SortStableFunc(l.errs, func(a, b *FileError) int { return cmp.Compare(a.Line, b.Line) })
	for _, err := range l.errs {
		errs = append(errs, err)
	}
	return errs
}

func (l *fileErrors) joined() error { return errors.Join(l.sorted()...) }
