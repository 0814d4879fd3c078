package prompt

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
)

// Terminal is where a person reads a question and types the answer.
type Terminal struct {
	In, Out *os.File
	Getenv  func(string) string // nil: os.Getenv
}

// OfProcess is the terminal of the process.
func OfProcess() Terminal { return Terminal{In: os.Stdin, Out: os.Stdout} }

// Absent says why nobody can be asked, "" where somebody can be.
func (t Terminal) Absent() string {
	switch {
	case t.automated():
		return "CI is set: nobody watches"
	case !isTerminal(t.In) || !isTerminal(t.Out):
		return "input and output are not both a terminal"
	case inBackground(t.In):
		return "the process runs in the background of its terminal"
	case hasInput(t.In): // typed before the question was shown, so it is no answer to it
		return "something was typed before the question"
	}
	return ""
}

// automated: build servers may give their jobs a terminal.
func (t Terminal) automated() bool {
	getenv := t.Getenv
	if getenv == nil {
		getenv = os.Getenv
	}
	switch strings.ToLower(strings.TrimSpace(getenv("CI"))) {
	case "", "0", "false", "no", "off":
		return false
	}
	return true
}

func isTerminal(f *os.File) (yes bool) {
	onDescriptor(f, func(fd uintptr) { yes = isatty.IsTerminal(fd) || isatty.IsCygwinTerminal(fd) })
	return yes
}

// onDescriptor calls use with the descriptor of f, if f is open. File.Fd could change
// how the application's own reads behave.
func onDescriptor(f *os.File, use func(fd uintptr)) {
	c, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = c.Control(use)
}

// ErrNoLine is returned when the input ended without a line.
var ErrNoLine = errors.New("nothing was answered")

// maxLine is how much of a line is kept.
const maxLine = 256

// Ask shows the question and returns the line that is typed, without its end. It
// reads nothing after that line. Without an answer it ends the line that the
// question is on.
func (t Terminal) Ask(ctx context.Context, question string) (line string, err error) {
	if _, err := io.WriteString(t.Out, question); err != nil {
		return "", err
	}
	line, err = readLine(ctx, t.In)
	if err != nil {
		_, _ = io.WriteString(t.Out, "\n")
	}
	return line, err
}

// readByte reads one byte. At the end of the input, and where a terminal hands its
// signs for interrupt and end through, there is no line.
func readByte(f *os.File) (byte, error) {
	const interrupt, end = 3, 4
	var b [1]byte
	n, err := f.Read(b[:])
	if n == 1 && b[0] != interrupt && b[0] != end {
		return b[0], nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = ErrNoLine
	}
	return 0, err
}
