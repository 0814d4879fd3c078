// Package redact takes secrets out of what people see: keys, header values and
// credentials in URLs.
package redact

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// Placeholder stands for what was taken out. It may stand in a URL.
	Placeholder = "***"

	// MaxExcerpt bounds, in bytes, what is quoted of somebody else's text.
	MaxExcerpt = 200

	// MinSecret is the shortest secret, in bytes, that can be taken out of a
	// text and leave one.
	MinSecret = 4
)

// credentials are what stands before the @ of a URL or of an address without a
// scheme, such as a proxy's.
var credentials = regexp.MustCompile(`((?:[a-zA-Z][\w+.-]*:)?//)[^\s"'<>]*@|[^\s"'<>/:]+:[^\s"'<>]*@`)

// Redactor takes secrets and credentials in URLs out of texts. A destination
// that refuses a key may well quote it, escaped as its answer needs it.
type Redactor struct {
	secrets func() []secret // not a list: fmt shows those of unexported fields; nil for none
	mute    bool
}

// New returns a Redactor for the secrets that have MinSecret bytes or more.
func New(secrets ...string) Redactor {
	var all []secret
	for _, s := range secrets {
		if s = Line(s); len(s) >= MinSecret {
			all = append(all, newSecret(s))
		}
	}
	return Redactor{secrets: func() []secret { return all }}
}

// Mute returns a Redactor that quotes nothing of others: for a secret that is
// too short to be found.
func Mute() Redactor { return Redactor{mute: true} }

// Clean returns s as one line without secrets.
func (r Redactor) Clean(s string) string {
	if r.mute {
		return ""
	}
	return r.Own(s)
}

// Excerpt is a short Clean. The secrets go before the text is cut, which could
// leave half of one.
func (r Redactor) Excerpt(s string) string { return Shorten(r.Clean(s)) }

// Own is Clean for words of the forwarder or of its configuration, which a muted
// Redactor lets be.
func (r Redactor) Own(s string) string {
	s = r.hide(Line(s))
	return credentials.ReplaceAllString(s, "${1}"+Placeholder+"@")
}

// hide puts the placeholder in place of each secret.
func (r Redactor) hide(s string) string {
	if r.secrets == nil {
		return s
	}
	var b strings.Builder
	hidden := false
	for i, secret := range r.mark(s) {
		switch {
		case !secret:
			b.WriteByte(s[i])
		case !hidden:
			b.WriteString(Placeholder)
		}
		hidden = secret
	}
	return b.String()
}

// Line returns s as one line of valid UTF-8 without needless blanks.
func Line(s string) string {
	s = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(s), " ")
}

// Shorten cuts a line of valid UTF-8 to [MaxExcerpt] bytes, at a rune.
func Shorten(s string) string {
	if len(s) <= MaxExcerpt {
		return s
	}
	const ellipsis = "..."
	end := MaxExcerpt - len(ellipsis)
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}
