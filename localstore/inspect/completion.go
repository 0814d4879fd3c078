package inspect

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/terminal"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

// The scripts support a command of several words, such as "mytool usage". A shell
// registers completion for the first word only, so the scripts pass everything
// else to the program's own completion. They never run the program for that.
//
//go:embed completion
var completionScripts embed.FS

// completeInShells makes the completion command write this package's scripts.
func (s *session) completeInShells() func(*cli.Command) {
	name := s.opts.Name
	return func(c *cli.Command) {
		c.Hidden = false
		c.Action = func(_ context.Context, c *cli.Command) error {
			if c.Args().Present() {
				return usageError{unknownError{"shell", c.Args().First(), terminal.Nearest(c.Args().First(), commandNames(c))}}
			}
			return cli.ShowSubcommandHelp(c)
		}
		c.Description = completionHelp(name)
		for _, sub := range c.Commands {
			sub.Action = func(_ context.Context, sub *cli.Command) error {
				if s.json {
					return usageError{errors.New("--json cannot be combined with a script")}
				}
				script, err := completionScript(sub.Name, name)
				if err != nil {
					return err
				}
				_, err = sub.Root().Writer.Write([]byte(script))
				return err
			}
		}
	}
}

func completionHelp(name string) string {
	fish := "completions/" + name
	if words := strings.Fields(name); len(words) > 1 { // the program itself owns completions/mytool.fish
		fish = "conf.d/" + strings.Join(words, "-")
	}
	return fmt.Sprintf(`Write a script for shell completion.

In ~/.bashrc:   source <(%[1]s completion bash)
In ~/.zshrc:    source <(%[1]s completion zsh)
Once, for fish: %[1]s completion fish > ~/.config/fish/%[2]s.fish
In $PROFILE:    %[1]s completion pwsh | Out-String | Invoke-Expression`, name, fish)
}

// completionScript returns a shell's script for the command with this name.
func completionScript(shell, name string) (string, error) {
	script, err := completionScripts.ReadFile("completion/" + shell)
	if err != nil {
		return "", fmt.Errorf("complete in %s: %w", shell, err)
	}
	quote := terminal.Quoted
	switch shell {
	case "fish":
		quote = terminal.QuotedInFish
	case "pwsh":
		quote = terminal.QuotedInPowerShell
	}
	words := strings.Fields(name)
	for i, word := range words {
		words[i] = quote(word)
	}
	return strings.NewReplacer(
		"@NAME@", strings.Join(strings.Fields(name), " "),
		"@PROGRAM@", words[0],
		"@WORDS@", strings.Join(words[1:], " "),
		"@LIST@", strings.Join(words, ", "),
		"@FUNCTION@", functionName(name),
	).Replace(string(script)), nil
}

// functionName returns a name in a form that a shell function's name can contain.
func functionName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
}

// completeNames completes the names of trackables.
func (s *session) completeNames(ctx context.Context, c *cli.Command) {
	cli.DefaultCompleteWithFlags(ctx, c)
	if c.Args().Len() > 1 || strings.HasPrefix(c.Args().Get(0), "-") {
		return
	}
	_ = s.with(ctx, func(store *localstore.Store) error { // without a mirror there are no names
		snap, err := store.Snapshot(ctx, snapshot.Query{})
		if err != nil {
			return err
		}
		for _, name := range names(snap) {
			s.Line("%s", terminal.Plain(name))
		}
		return nil
	})
}

// names returns all names in order, without duplicates.
func names(snap *snapshot.Snapshot) []string {
	var list []string
	for _, t := range snap.Trackables {
		list = append(list, t.Name)
	}
	for _, x := range snap.Others {
		list = append(list, x.Metric.Name)
	}
	slices.Sort(list)
	return slices.Compact(list)
}
