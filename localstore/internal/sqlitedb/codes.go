package sqlitedb

import (
	"errors"
	"strings"

	"modernc.org/sqlite"
)

// Unsound reports whether SQLite found a file damaged: its content, or the
// length of a log that other processes go by.
func Unsound(err error) bool {
	var e *sqlite.Error
	return HasCode(err, codeCorrupt, codeNotADB) || errors.As(err, &e) && e.Code() == codeShortRead ||
		HasCode(err, CodeError) && strings.Contains(err.Error(), "unsupported file format") // no code of its own
}

// A write-ahead log needs an index that processes map into their memory
// together. Network file systems, and those of virtual machines, refuse that; a
// rollback journal with its locks works there.

const codeNoSharedMemory = CodeIO | 21<<8 // an extended one

// NoSharedMemory reports whether SQLite could not map the index of a log.
func NoSharedMemory(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == codeNoSharedMemory
}

// Failed reports whether SQLite ended a statement with an error.
func Failed(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e)
}

// CommitError is a COMMIT whose outcome is not known.
type CommitError struct{ Err error }

func (e *CommitError) Error() string { return "commit: " + e.Err.Error() }
func (e *CommitError) Unwrap() error { return e.Err }

// SQLite's primary result codes that decide what becomes of a file.
const (
	CodeError      = 1
	CodeBusy       = 5
	CodeReadOnly   = 8
	CodeIO         = 10
	codeCorrupt    = 11
	CodeFull       = 13
	CodeCannotOpen = 14
	CodeProtocol   = 15
	CodeTooBig     = 18
	codeNotADB     = 26

	codeShortRead = CodeIO | 2<<8 // an extended one
)

// HasCode reports whether SQLite ended a statement with one of some primary
// result codes.
func HasCode(err error, codes ...int) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, code := range codes {
		if e.Code()&0xff == code {
			return true
		}
	}
	return false
}
