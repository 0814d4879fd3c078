package localstore

import (
	"errors"
	"strings"

	"modernc.org/sqlite"
)

// unsound reports whether SQLite found a file damaged: its content, or the
// length of a log that other processes go by.
func unsound(err error) bool {
	var e *sqlite.Error
	return hasCode(err, codeCorrupt, codeNotADB) || errors.As(err, &e) && e.Code() == codeShortRead ||
		hasCode(err, codeError) && strings.Contains(err.Error(), "unsupported file format") // no code of its own
}

// A write-ahead log needs an index that processes map into their memory
// together. Network file systems, and those of virtual machines, refuse that; a
// rollback journal with its locks works there.

const codeNoSharedMemory = codeIO | 21<<8 // an extended one

// noSharedMemory reports whether SQLite could not map the index of a log.
func noSharedMemory(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == codeNoSharedMemory
}

// commitError is a COMMIT whose outcome is not known.
type commitError struct{ err error }

func (e *commitError) Error() string { return "commit: " + e.err.Error() }
func (e *commitError) Unwrap() error { return e.err }

// SQLite's primary result codes that decide what becomes of a file.
const (
	codeError      = 1
	codeBusy       = 5
	codeReadOnly   = 8
	codeIO         = 10
	codeCorrupt    = 11
	codeFull       = 13
	codeCannotOpen = 14
	codeProtocol   = 15
	codeTooBig     = 18
	codeNotADB     = 26

	codeShortRead = codeIO | 2<<8 // an extended one
)

func hasCode(err error, codes ...int) bool {
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
