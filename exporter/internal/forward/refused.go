package forward

import (
	"errors"
	"io"
	"slices"
	"syscall"
)

// Windows has numbers of its own for these; nobody else uses them.
const (
	windowsAborted = syscall.Errno(10053)
	windowsReset   = syscall.Errno(10054)
	windowsRefused = syscall.Errno(10061)
)

// refused reports whether nobody listens where a request went.
func refused(err error) bool { return isAny(err, syscall.ECONNREFUSED, windowsRefused) }

// lost reports whether a connection ended before a whole answer came.
func lost(err error) bool {
	return isAny(err, io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, windowsReset, windowsAborted)
}

func isAny(err error, causes ...error) bool {
	return slices.ContainsFunc(causes, func(cause error) bool { return errors.Is(err, cause) })
}
