package inspect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore"
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

// unknownError is a name or number that nothing has.
type unknownError struct{ what, name, nearest string }

func (e unknownError) Error() string {
	text := fmt.Sprintf("there is no %s %q", e.what, e.name)
	if e.nearest != "" {
		text += fmt.Sprintf(", did you mean %q?", e.nearest)
	}
	return text
}

var (
	errUnsound     = errors.New("something is wrong with the mirror, see above")
	errUnconfirmed = errors.New("not confirmed, nothing was erased")
)

// unknown returns the error for a name that is not among those there are.
func (s *session) unknown(what, name string, names []string) error {
	err := unknownError{what, name, nearest(name, names)}
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
	text := plain(strings.ReplaceAll(err.Error(), "localstore: ", "")) // nobody who reads it knows packages
	if errors.Is(err, context.Canceled) {
		text = errInterrupted.Error()
	}
	if hint != "" {
		text += "\n" + hint
	}
	fmt.Fprintf(s.opts.Stderr, "%s: %s\n", s.opts.Name, text)
	return code
}

// classify returns the exit code of an error and what can be done about it.
func classify(err error) (code int, hint string) {
	var usage usageError
	var unknown unknownError
	var target targetError
	switch {
	case errors.As(err, &usage):
		return exitUsage, ""
	case errors.As(err, &unknown), errors.Is(err, snapshot.ErrNoPayload):
		return exitUnknown, ""
	case errors.Is(err, errUnconfirmed):
		return exitUnconfirmed, ""
	case errors.Is(err, errUnsound):
		return exitDamaged, ""
	case errors.Is(err, localstore.ErrOverruled):
		return exitPermission, "Who owns that file can change it. Until then the stricter holds."
	case errors.As(err, &target) && errors.Is(err, fs.ErrPermission):
		return exitPermission, ""
	case errors.As(err, &target):
		return exitFailed, ""
	case errors.Is(err, fs.ErrNotExist):
		return exitNoMirror, "There is no mirror there: the application has not recorded anything yet, or keeps it elsewhere."
	case errors.Is(err, localstore.ErrOptedOut):
		return exitNotMirror, "The application records nothing as long as the link is there."
	case errors.Is(err, localstore.ErrNotMirror):
		return exitNotMirror, "The file is left as it is."
	case errors.Is(err, localstore.ErrNewerSchema):
		return exitNewer, "It takes a newer version of this program to read it."
	case errors.Is(err, localstore.ErrDamaged):
		return exitDamaged, "The application sets a damaged mirror aside, and begins a fresh one, when it next runs."
	case errors.Is(err, localstore.ErrUntrusted):
		return exitPermission, "It takes a mirror of your own, in a directory that others cannot write."
	case errors.Is(err, fs.ErrPermission):
		return exitPermission, "It takes the user who runs the application, and a directory that this user can write."
	case errors.Is(err, localstore.ErrErasePending):
		return exitBusy, "All was erased from the tables. The rest follows when the application next starts."
	case errors.Is(err, localstore.ErrBusy):
		return exitBusy, "Another process is writing to it. Try again."
	}
	return exitFailed, ""
}
