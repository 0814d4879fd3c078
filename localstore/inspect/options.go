package inspect

import (
	"context"
	"io"
	"os"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/view"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// MirrorEnv is the environment variable that names the mirror.
const MirrorEnv = "OTELUSAGE_MIRROR"

// Options configure the commands. The zero value is that of a separate command.
type Options struct {
	Name        string // the command's name in help and messages; "usagemirror" if empty
	Version     string // of the program, for --version; without one there is no such flag
	Application string // the application, unless --app or --file is given
	File        string // the mirror, if it is not at the application's usual place
	LocalOnly   bool   // the application has no destination: nothing is ever sent

	Plan otelusage.Planner // what the application can record: its standalone.Config, or its tracker; nil for none

	Stdin          io.Reader // nil for os.Stdin
	Stdout, Stderr io.Writer // nil for os.Stdout and os.Stderr

	Getenv func(string) string // nil for os.Getenv
	Now    func() time.Time    // nil for time.Now

	busyTimeout time.Duration // how long to wait for another process
	endGrace    time.Duration // how long to wait for a command that was interrupted
	serve       serveFunc
}

func (o Options) withDefaults() Options {
	if strings.TrimSpace(o.Name) == "" {
		o.Name = "usagemirror"
	}
	if o.Stdin == nil {
		o.Stdin = os.Stdin
	}
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.serve == nil {
		o.serve = view.Serve
	}
	if o.busyTimeout == 0 {
		o.busyTimeout = localstore.DefaultBusyTimeout
	}
	if o.endGrace == 0 {
		o.endGrace = endGrace
	}
	return o
}

// serveFunc is [view.Serve].
type serveFunc func(ctx context.Context, path, address string, ready func(url string), opts ...view.Option) error
