package prompt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pseudoTerminal returns a terminal, and the end where the person sits.
func pseudoTerminal(t *testing.T) (terminal Terminal, person *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no pseudo terminals: %v", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	fd := int(person.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tty.Close() })
	return Terminal{In: tty, Out: tty, Getenv: noCI}, person
}

// read returns what the person sees up to and with a text.
func read(t *testing.T, person *os.File, until string) (seen string) {
	t.Helper()
	for r := bufio.NewReader(person); !strings.HasSuffix(seen, until); {
		b, err := r.ReadByte()
		if err != nil {
			t.Fatalf("the person saw %q: %v", seen, err)
		}
		seen += string(b)
	}
	return seen
}

func TestALineIsReadAndNothingAfterIt(t *testing.T) {
	terminal, person := pseudoTerminal(t)
	if absent := terminal.Absent(); absent != "" {
		t.Fatal(absent)
	}
	answered := make(chan string)
	go func() {
		line, err := terminal.Ask(t.Context(), "Send? ")
		answered <- fmt.Sprint(line, err)
	}()
	if seen := read(t, person, "Send? "); seen != "Send? " {
		t.Errorf("the person saw %q", seen)
	}
	_, _ = person.WriteString("yes\nls -l\n")
	if got := <-answered; got != "yes<nil>" {
		t.Errorf("answered %q", got)
	}
	if line, err := bufio.NewReader(terminal.In).ReadString('\n'); line != "ls -l\n" || err != nil {
		t.Errorf("the application reads %q, %v", line, err)
	}
}

// TestTypedBeforeTheQuestion: whatever that was meant for, it stays for it.
func TestTypedBeforeTheQuestion(t *testing.T) {
	terminal, person := pseudoTerminal(t)
	_, _ = person.WriteString("y\n")
	for deadline := time.Now().Add(10 * time.Second); terminal.Absent() == "" && time.Now().Before(deadline); {
	}
	if got := terminal.Absent(); got != "something was typed before the question" {
		t.Errorf("%q", got)
	}
	if line, err := bufio.NewReader(terminal.In).ReadString('\n'); line != "y\n" || err != nil {
		t.Errorf("the application reads %q, %v", line, err)
	}
}

func TestOnlyOneEndIsATerminal(t *testing.T) {
	terminal, _ := pseudoTerminal(t)
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, half := range []Terminal{{In: terminal.In, Out: file, Getenv: noCI}, {In: file, Out: terminal.Out, Getenv: noCI}} {
		if half.Absent() == "" {
			t.Error("somebody is asked")
		}
	}
}

// TestTheEndOfTheContext ends the wait, and leaves the next line to the application.
func TestTheEndOfTheContext(t *testing.T) {
	terminal, person := pseudoTerminal(t)
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error)
	go func() {
		_, err := terminal.Ask(ctx, "Send? ")
		answered <- err
	}()
	read(t, person, "? ")
	cancel()
	if err := <-answered; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	read(t, person, "\r\n")
	_, _ = person.WriteString("mine\n")
	if line, err := bufio.NewReader(terminal.In).ReadString('\n'); line != "mine\n" || err != nil {
		t.Errorf("the application reads %q, %v", line, err)
	}
}

func TestTheEndOfTheInput(t *testing.T) {
	for name, leave := range map[string]func(person *os.File){
		"Ctrl-D":     func(person *os.File) { _, _ = person.WriteString("\x04") },
		"hanging up": func(person *os.File) { _ = person.Close() },
	} {
		terminal, person := pseudoTerminal(t)
		answered := make(chan error)
		go func() {
			_, err := terminal.Ask(t.Context(), "Send? ")
			answered <- err
		}()
		read(t, person, "? ")
		leave(person)
		if err := <-answered; err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestEnterOnARawTerminal: what an editor made of the terminal does not hide the
// end of a line, nor a person's wish to leave.
func TestEnterOnARawTerminal(t *testing.T) {
	for typed, want := range map[string]string{"y\r": "y<nil>", "\x03": "" + ErrNoLine.Error(), strings.Repeat("y", 2000) + "\r": strings.Repeat("y", maxLine) + "<nil>"} {
		terminal, person := pseudoTerminal(t)
		mode, err := unix.IoctlGetTermios(int(terminal.In.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		mode.Lflag &^= unix.ICANON | unix.ECHO | unix.ISIG
		mode.Iflag &^= unix.ICRNL
		if err := unix.IoctlSetTermios(int(terminal.In.Fd()), unix.TCSETS, mode); err != nil {
			t.Fatal(err)
		}
		answered := make(chan string)
		go func() {
			line, err := terminal.Ask(t.Context(), "Send? ")
			answered <- fmt.Sprint(line, err)
		}()
		read(t, person, "? ")
		if _, err := io.WriteString(person, typed); err != nil {
			t.Fatal(err)
		}
		if got := <-answered; got != want {
			t.Errorf("%.5q: answered %q, want %q", typed, got, want)
		}
	}
}
