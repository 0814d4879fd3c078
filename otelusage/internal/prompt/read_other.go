//go:build !unix

package prompt

import (
	"context"
	"os"
	"strings"
)

// readLine reads a line. After its context ended, the read goes on until a line was
// typed: a console has no way to give it up.
func readLine(ctx context.Context, f *os.File) (string, error) {
	type answer struct {
		line string
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		var line []byte
		for {
			b, err := readByte(f)
			switch {
			case err != nil || b == '\n':
				answered <- answer{strings.TrimSuffix(string(line), "\r"), err}
				return
			case len(line) < maxLine:
				line = append(line, b)
			}
		}
	}()
	select {
	case a := <-answered:
		return a.line, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// hasInput cannot tell a line from the release of a key.
func hasInput(*os.File) bool { return false }

func inBackground(*os.File) bool { return false }
