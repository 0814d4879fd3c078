package inspect

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"
)

// The scripts take a command of several words, such as "mytool usage", which a
// shell knows by the first word alone. They then leave to the program's own
// completion what belongs to it, and never run the program for that.
//
//go:embed completion
var completionScripts embed.FS

// completeInShells makes the command for completion write the scripts of this
// package.
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
					return usageError{errors.New("--json and a script are two formats")}
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
	if words := strings.Fields(name); len(words) > 1 { // completions/mytool.fish is the program's own
		fish = "conf.d/" + strings.Join(words, "-")
	}
	return fmt.Sprintf(`Write the script that completes the command in a shell.

In ~/.bashrc:   source <(%[1]s completion bash)
In ~/.zshrc:    source <(%[1]s completion zsh)
Once, for fish: %[1]s completion fish > ~/.config/fish/%[2]s.fish
In $PROFILE:    %[1]s completion pwsh | Out-String | Invoke-Expression`, name, fish)
}

// completionScript returns a shell's script for the command of that name.
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

// functionName returns a name as a part of a shell function's.
func functionName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
}

// quoted returns a word as bash and zsh take it literally: bare where that is
// enough, since zsh reads the line #compdef without quotes.
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
