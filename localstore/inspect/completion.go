package inspect

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"
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
				return usageError{unknownError{"shell", c.Args().First(), nearest(c.Args().First(), commandNames(c))}}
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
	quote := quoted
	switch shell {
	case "fish":
		quote = quotedInFish
	case "pwsh":
		quote = quotedInPowerShell
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

// quoted returns a word that bash and zsh read literally. It has no quotes if it
// needs none, because zsh does not process quotes in the line #compdef.
func quoted(word string) string {
	return quotedWith(word, strings.NewReplacer("'", `'\''`))
}

func quotedInFish(word string) string {
	return quotedWith(word, strings.NewReplacer(`\`, `\\`, "'", `\'`))
}

func quotedInPowerShell(word string) string {
	return "'" + strings.ReplaceAll(word, "'", "''") + "'"
}

func quotedWith(word string, escape *strings.Replacer) string {
	plain := strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./") == ""
	if plain {
		return word
	}
	return "'" + escape.Replace(word) + "'"
}
