package terminal

import "strings"

// Quoted returns a word that bash and zsh read literally. It has no quotes if it
// needs none, because zsh does not process quotes in the line #compdef.
func Quoted(word string) string {
	return quotedWith(word, strings.NewReplacer("'", `'\''`))
}

func QuotedInFish(word string) string {
	return quotedWith(word, strings.NewReplacer(`\`, `\\`, "'", `\'`))
}

func QuotedInPowerShell(word string) string {
	return "'" + strings.ReplaceAll(word, "'", "''") + "'"
}

func quotedWith(word string, escape *strings.Replacer) string {
	plain := strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./") == ""
	if plain {
		return word
	}
	return "'" + escape.Replace(word) + "'"
}
