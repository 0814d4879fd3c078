package inspect

import (
	"context"

	"github.com/urfave/cli/v3"
)

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
		if flushErr := s.Out.Flush(); err == nil {
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
		Reader: s.opts.Stdin, Writer: s.Out, ErrWriter: s.opts.Stderr,
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
			s.exportCommand(), s.backupCommand(), s.consentCommand(), s.eraseCommand(), s.idCommand(), s.planCommand(), s.viewCommand(),
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
