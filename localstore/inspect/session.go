package inspect

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// session is one run of a command.
type session struct {
	opts      Options
	outputs   *outputs
	out       *bufio.Writer
	stderr    io.Writer // what opts.Stderr writes to
	terminal  bool      // whether out is one
	colour    bool
	file, app string
	json      bool
	missing   error // why there is no mirror, if a decision without one is shown

	// after calls f on another goroutine unless it is stopped before.
	after func(d time.Duration, f func()) (stop func() bool)
}

func newSession(opts Options) *session {
	s := &session{opts: opts, outputs: new(outputs), stderr: opts.Stderr, terminal: isTerminal(opts.Stdout)}
	s.out, s.opts.Stderr = bufio.NewWriter(s.outputs.of(opts.Stdout)), s.outputs.of(opts.Stderr)
	s.chooseColour()
	s.after = func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }
	return s
}

func (s *session) chooseColour() {
	s.colour = s.terminal && s.opts.Getenv("NO_COLOR") == "" && s.opts.Getenv("TERM") != "dumb"
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}

// path returns where the mirror is.
func (s *session) path() (string, error) {
	switch {
	case s.file != "" && s.app != "":
		return "", usageError{errors.New("--file and --app cannot be combined")}
	case s.file != "":
		return s.file, nil
	case s.app != "":
		return defaultPath(s.app)
	case s.opts.File != "":
		return s.opts.File, nil
	case s.opts.Application != "":
		return defaultPath(s.opts.Application)
	case s.opts.Getenv(MirrorEnv) != "":
		return s.opts.Getenv(MirrorEnv), nil
	}
	return "", usageError{fmt.Errorf("name a mirror: --file for the file, --app for the application, or set %s", MirrorEnv)}
}

func defaultPath(application string) (string, error) {
	path, err := localstore.DefaultPath(application)
	if err != nil {
		return "", usageError{err}
	}
	return path, nil
}

// with runs f on the mirror, opened for reading.
func (s *session) with(ctx context.Context, f func(*localstore.Store) error) error {
	return s.open(ctx, localstore.ReadOnly(), f)
}

// changing runs f on the mirror, opened for writing. It never creates one.
func (s *session) changing(ctx context.Context, f func(*localstore.Store) error) error {
	return s.open(ctx, localstore.Existing(), f)
}

func (s *session) open(ctx context.Context, mode localstore.Option, f func(*localstore.Store) error) error {
	path, err := s.path()
	if err != nil {
		return err
	}
	defer s.working("reading")()
	store, err := localstore.OpenContext(ctx, path, mode, localstore.WithClock(s.opts.Now), localstore.WithBusyTimeout(s.opts.busyTimeout),
		localstore.WithErrorHandler(func(error) {})) // errors are returned
	if err != nil {
		return err
	}
	store.SetCircumstances(s.circumstances())
	err = f(store)
	return errors.Join(err, store.Close())
}

// circumstances returns what a command knows beside the mirror.
func (s *session) circumstances() localstore.Circumstances {
	return localstore.Circumstances{Viewer: true, LocalOnly: s.opts.LocalOnly, Getenv: s.opts.Getenv}
}

// patience is how long a command works without saying so.
const patience = time.Second

// working shows on a terminal what takes longer than a second, until it is done.
func (s *session) working(what string) (done func()) {
	if !isTerminal(s.stderr) {
		return func() {}
	}
	return s.announce(what)
}

func (s *session) announce(what string) (done func()) {
	shown := make(chan struct{})
	stop := s.after(patience, func() {
		fmt.Fprintf(s.opts.Stderr, "%s ...", what)
		close(shown)
	})
	return func() {
		if stop() {
			return
		}
		<-shown
		fmt.Fprint(s.opts.Stderr, "\r\x1b[K")
	}
}

// printJSON writes a value as one indented JSON document.
func (s *session) printJSON(v any) error {
	return s.escaped(func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	})
}
