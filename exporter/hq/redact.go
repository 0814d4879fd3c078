package hq

import (
	"cmp"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// keyPlaceholder stands for the API key in what people see.
	keyPlaceholder = "***"

	// maxExcerpt bounds, in bytes, what a reason quotes.
	maxExcerpt = 200

	// minKey is the shortest key, in bytes, that can be taken out of a text and
	// leave one. With a shorter key nothing of the server's is quoted.
	minKey = 4
)

// redactor takes the API key out of texts: a server that refuses a key may well
// quote it. The zero redactor quotes nothing.
type redactor struct{ key *regexp.Regexp }

func newRedactor(key string) redactor {
	if len(key) < minKey {
		return redactor{}
	}
	text, _ := json.Marshal(key) // a string always encodes
	forms := []string{
		key, strings.Trim(string(text), `"`), html.EscapeString(key),
		url.QueryEscape(key), url.PathEscape(key),
	}
	// The longest first, so that no form is hidden by a part of itself.
	slices.SortFunc(forms, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for i, f := range forms {
		forms[i] = regexp.QuoteMeta(line(f))
	}
	re, err := regexp.Compile("(?i)" + strings.Join(forms, "|"))
	if err != nil { // a key too long for an expression
		return redactor{}
	}
	return redactor{key: re}
}

// clean returns s as one line without the key.
func (r redactor) clean(s string) string {
	if r.key == nil {
		return ""
	}
	return r.key.ReplaceAllLiteralString(line(s), keyPlaceholder)
}

// excerpt returns a short single line of s without the key. The key goes before
// the text is cut, which could leave half of it.
func (r redactor) excerpt(s string) string { return shorten(r.clean(s)) }

// line returns s as one line of valid UTF-8.
func line(s string) string {
	s = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(s), " ")
}

// shorten cuts a line of valid UTF-8 to [maxExcerpt] bytes.
func shorten(s string) string {
	if len(s) <= maxExcerpt {
		return s
	}
	const ellipsis = "..."
	end := maxExcerpt - len(ellipsis)
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}

// own returns words of this package or of its configuration as one line without
// the key. One that is too short to be found is let be.
func (r redactor) own(s string) string {
	if r.key == nil {
		return line(s)
	}
	return r.clean(s)
}
