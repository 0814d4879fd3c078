package inspect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/terminal"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

// The exit codes, see the documentation of the package.
const (
	exitDone = iota
	exitFailed
	exitUsage
	exitNoMirror
	exitNotMirror
	exitDamaged
	exitNewer
	exitPermission
	exitUnknown
	exitBusy
	exitUnconfirmed
)

// usageError is a mistake in the command line.
type usageError struct{ error }

// unknownError is a name or number that does not exist.
type unknownError struct{ what, name, nearest string }

func (e unknownError) Error() string {
	text := fmt.Sprintf("there is no %s %q", e.what, e.name)
	if e.nearest != "" {
		text += fmt.Sprintf(", did you mean %q?", e.nearest)
	}
	return text
}

var (
	errUnsound     = errors.New("the mirror has problems, see above")
	errUnconfirmed = errors.New("not confirmed, nothing was erased")
)

// unknown returns the error for a name that does not exist.
func (s *session) unknown(what, name string, names []string) error {
	err := unknownError{what, name, terminal.Nearest(name, names)}
	if what == "command" {
		return usageError{err}
	}
	return err
}

// exit prints an error and returns its exit code.
func (s *session) exit(err error) int {
	if err == nil {
		return exitDone
	}
	code, hint := classify(err)
	text := terminal.Plain(strings.ReplaceAll(err.Error(), "localstore: ", "")) // its readers do not know packages
	if errors.Is(err, context.Canceled) {
		text = errInterrupted.Error()
	}
	if hint != "" {
		text += "\n" + hint
	}
	fmt.Fprintf(s.opts.Stderr, "%s: %s\n", s.opts.Name, text)
	return code
}

// classify returns the exit code of an error and advice for it.
func classify(err error) (code int, hint string) {
	var usage usageError
	var unknown unknownError
	var target targetError
	switch {
	case errors.As(err, &usage):
		return exitUsage, ""
	case errors.As(err, &unknown), errors.Is(err, snapshot.ErrNoPayload), errors.Is(err, errNoPlan):
		return exitUnknown, ""
	case errors.Is(err, errUnconfirmed):
		return exitUnconfirmed, ""
	case errors.Is(err, errUnsound):
		return exitDamaged, ""
	case errors.Is(err, localstore.ErrOverruled):
		return exitPermission, "The owner of that file can change it. Until then the stricter setting applies."
	case errors.As(err, &target) && errors.Is(err, fs.ErrPermission):
		return exitPermission, ""
	case errors.As(err, &target):
		return exitFailed, ""
	case errors.Is(err, fs.ErrNotExist):
		return exitNoMirror, "There is no mirror there: the application has not recorded anything yet, or its mirror is elsewhere."
	case errors.Is(err, localstore.ErrOptedOut):
		return exitNotMirror, "The application records nothing while the link exists."
	case errors.Is(err, localstore.ErrNotMirror):
		return exitNotMirror, "The file is left unchanged."
	case errors.Is(err, localstore.ErrNewerSchema):
		return exitNewer, "Only a newer version of this program can read it."
	case errors.Is(err, localstore.ErrDamaged):
		return exitDamaged, "When the application next runs, it sets the damaged mirror aside and creates a fresh one."
	case errors.Is(err, localstore.ErrUntrusted):
		return exitPermission, "The mirror must be yours, in a directory that others cannot write to."
	case errors.Is(err, fs.ErrPermission):
		return exitPermission, "Run this as the user who runs the application, in a directory that this user can write to."
	case errors.Is(err, localstore.ErrErasePending):
		return exitBusy, "Everything was erased from the tables. The rest is overwritten when the application next starts."
	case errors.Is(err, localstore.ErrBusy):
		return exitBusy, "Another process is writing to it. Try again."
	}
	return exitFailed, ""
}

// targetError is an error about the file being written, not about the mirror.
type targetError struct{ error }
