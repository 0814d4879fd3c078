//go:build unix

package prompt

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// tick is how often a wait for a person looks whether its context ended.
const tick = 50 * time.Millisecond

// readLine reads a line. It reads only what is there, so that no goroutine is left
// that would take the next line away from the application.
func readLine(ctx context.Context, f *os.File) (string, error) {
	var line []byte
	for {
		if err := awaitInput(ctx, f); err != nil {
			return "", err
		}
		b, err := readByte(f)
		switch {
		case err != nil:
			return "", err
		case b == '\n' || b == '\r': // Enter is the latter on a raw terminal
			return string(line), nil
		case len(line) < maxLine:
			line = append(line, b)
		}
	}
}

func awaitInput(ctx context.Context, f *os.File) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		ready, err := readable(f, tick)
		if ready || err != nil {
			return err
		}
	}
}

func hasInput(f *os.File) bool {
	ready, err := readable(f, 0)
	return ready || err != nil
}

// readable reports whether a read of f returns at once, after at most the given
// time. On some systems poll does not work for terminals.
func readable(f *os.File, wait time.Duration) (ready bool, err error) {
	err = os.ErrClosed
	onDescriptor(f, func(fd uintptr) {
		if fd >= unix.FD_SETSIZE {
			err = unix.EBADF
			return
		}
		var in unix.FdSet
		in.Set(int(fd))
		limit := unix.NsecToTimeval(int64(wait))
		var n int
		n, err = unix.Select(int(fd)+1, &in, nil, nil, &limit)
		ready = n > 0
	})
	if errors.Is(err, unix.EINTR) {
		return false, nil
	}
	return ready, err
}

// inBackground reports whether a shell has this process in the background: a read
// of its terminal would stop it.
func inBackground(f *os.File) (yes bool) {
	onDescriptor(f, func(fd uintptr) {
		group, err := unix.IoctlGetInt(int(fd), unix.TIOCGPGRP)
		yes = err == nil && group != unix.Getpgrp()
	})
	return yes
}
