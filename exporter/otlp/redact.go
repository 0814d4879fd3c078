package otlp

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxExcerpt bounds, in bytes, what a reason quotes.
const maxExcerpt = 200

const redacted = "[redacted]"

// userinfo is what stands between // and @ in a URL, such as a proxy's.
var userinfo = regexp.MustCompile(`//[^/@\s"]*@`)

// schemes are the words before a credential, which reasons need.
var schemes = map[string]bool{
	"apikey": true, "api-key": true, "basic": true, "bearer": true, "digest": true, "key": true, "token": true,
}

// redactor takes secrets out of texts. A destination that refuses a token may
// well quote it.
type redactor struct{ secrets []string }

// newRedactor returns a redactor for all header values and, as in
// "Bearer abc", for their parts.
func newRedactor(h http.Header) redactor {
	var r redactor
	for _, values := range h {
		for _, v := range values {
			r.secrets = append(r.secrets, v)
			for part := range strings.FieldsFuncSeq(v, func(c rune) bool {
				return unicode.IsSpace(c) || strings.ContainsRune(",;=\"", c)
			}) {
				if !schemes[strings.ToLower(part)] {
					r.secrets = append(r.secrets, part)
				}
			}
		}
	}
	// What is shorter is no secret, and would make every text unreadable.
	r.secrets = slices.DeleteFunc(r.secrets, func(s string) bool { return len(s) < 4 })
	// The longest first, so that no secret is hidden by a part of itself.
	slices.SortFunc(r.secrets, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return r
}

// excerpt returns a short single line of s without secrets. They go before it
// is cut, which could leave half of one.
func (r redactor) excerpt(s string) string {
	return excerpt(userinfo.ReplaceAllString(r.hide(s, redacted), "//"+redacted+"@"))
}

// hide puts something else in the place of each secret.
func (r redactor) hide(s, with string) string {
	for _, secret := range r.secrets {
		s = strings.ReplaceAll(s, secret, with)
	}
	return s
}

// excerpt returns at most [maxExcerpt] bytes of s as one line of valid UTF-8.
func excerpt(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, s)
	s = strings.Join(strings.Fields(s), " ")
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
