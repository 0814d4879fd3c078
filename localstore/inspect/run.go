package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/view"
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

// Run runs one command and returns the exit code. The arguments do not include
// the program's name. Messages go to Stderr. It never exits the process. When ctx
// ends it returns, at the latest after three seconds. What it was doing then, such
// as waiting for a file system that does not answer, continues without output: an
// erasure or a change of consent may still take place.
func Run(ctx context.Context, args []string, opts Options) int {
	if ctx == nil {
		ctx = context.Background()
	}
	s := newSession(opts.withDefaults())
	return s.interruptible(ctx, func() int {
		err := s.command().Run(ctx, append([]string{s.opts.Name}, args...))
		if flushErr := s.out.Flush(); err == nil {
			err = flushErr
		}
		return s.exit(err)
	})
}

// command builds the tree of commands.
func (s *session) command() *cli.Command {
	root := &cli.Command{
		Name:    s.opts.Name,
		Usage:   "show what an application recorded about its use",
		Version: s.opts.Version, HideVersion: s.opts.Version == "",
		Description: "What is shown is what the application has recorded so far. Exit codes and everything else\n" +
			"are described at https://pkg.go.dev/github.com/anonymoususage/anonymoususage-go/localstore/inspect",
		Reader: s.opts.Stdin, Writer: s.out, ErrWriter: s.opts.Stderr,
		HideHelpCommand:                 true, // a trackable may be called help
		EnableShellCompletion:           true,
		ConfigureShellCompletionCommand: s.completeInShells(),
		ExitErrHandler:                  func(context.Context, *cli.Command, error) {}, // never exit the process
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Usage: "the mirror at `PATH`", TakesFile: true, Validator: named, Destination: &s.file},
			&cli.StringFlag{Name: "app", Aliases: []string{"a"}, Usage: "the mirror of the application `NAME`, in its usual place", Validator: named, Destination: &s.app},
			&cli.BoolFlag{Name: "json", Usage: "write JSON", Destination: &s.json},
		},
		Commands: []*cli.Command{
			s.showCommand(), s.historyCommand(), s.previewCommand(), s.submissionsCommand(), s.doctorCommand(),
			s.exportCommand(), s.backupCommand(), s.consentCommand(), s.eraseCommand(), s.idCommand(), s.viewCommand(),
		},
		Action: func(_ context.Context, c *cli.Command) error {
			if !c.Args().Present() {
				return cli.ShowRootCommandHelp(c)
			}
			return s.unknown("command", c.Args().First(), commandNames(c))
		},
	}
	refuseUsage(root)
	return root
}

// named refuses an empty value, such as that of an unset shell variable: the
// command would otherwise use a different mirror.
func named(value string) error {
	if value == "" {
		return errors.New("it is empty")
	}
	return nil
}

// refuseUsage turns errors in flags into usage errors, which are printed once and
// have exit code 2.
func refuseUsage(c *cli.Command) {
	c.OnUsageError = func(_ context.Context, _ *cli.Command, err error, _ bool) error { return usageError{err} }
	for _, sub := range c.Commands {
		refuseUsage(sub)
	}
}

func commandNames(c *cli.Command) []string {
	var names []string
	for _, sub := range c.VisibleCommands() {
		names = append(names, sub.Name)
	}
	return names
}

// most refuses more arguments than a command takes.
func most(n int, c *cli.Command) error {
	if c.Args().Len() <= n {
		return nil
	}
	return usageError{fmt.Errorf("%s takes no %q", c.Name, c.Args().Get(n))}
}
