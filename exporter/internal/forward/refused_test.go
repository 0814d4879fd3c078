package forward

import (
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
)

// TestErrorsAreKnownOnEverySystem: Windows has numbers of its own.
func TestErrorsAreKnownOnEverySystem(t *testing.T) {
	for _, c := range []struct {
		cause         error
		refused, lost bool
	}{
		{syscall.ECONNREFUSED, true, false},
		{syscall.Errno(10061), true, false}, // WSAECONNREFUSED
		{syscall.ECONNRESET, false, true},
		{syscall.Errno(10054), false, true}, // WSAECONNRESET
		{syscall.Errno(10053), false, true}, // WSAECONNABORTED
		{io.EOF, false, true},
		{io.ErrUnexpectedEOF, false, true},
		{syscall.ETIMEDOUT, false, false},
		{nil, false, false},
	} {
		err := c.cause
		if err != nil {
			err = fmt.Errorf("post: %w", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", c.cause)})
		}
		if refused(err) != c.refused || lost(err) != c.lost {
			t.Errorf("%v: refused %v, lost %v", err, refused(err), lost(err))
		}
	}
}
