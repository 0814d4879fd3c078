package redact

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// escapes are what answers do to what they quote.
var escapes = map[string]func(string) string{
	"as it is":   func(s string) string { return s },
	"upper case": strings.ToUpper,
	"lower case": strings.ToLower,
	"HTML":       html.EscapeString,
	"HTML, named": func(s string) string {
		return strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "'", "&apos;").Replace(s)
	},
	"HTML, all": func(s string) string {
		var b strings.Builder
		for _, c := range s {
			fmt.Fprintf(&b, "&#X%X;", c)
		}
		return b.String()
	},
	"query":      url.QueryEscape,
	"path":       url.PathEscape,
	"query, %20": func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") },
	"URL, all": func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			fmt.Fprintf(&b, "%%%02x", c)
		}
		return b.String()
	},
	"JSON": func(s string) string {
		b, _ := json.Marshal(s)
		return strings.Trim(string(b), `"`)
	},
	"JSON, PHP": func(s string) string { return strings.NewReplacer(`\`, `\\`, "/", `\/`, `"`, `\"`).Replace(s) },
	"JSON, all": func(s string) string {
		var b strings.Builder
		for _, c := range s {
			if c > 0xffff {
				c -= 0x10000
				fmt.Fprintf(&b, `\u%04X\u%04X`, 0xd800+c>>10, 0xdc00+c&0x3ff)
				continue
			}
			fmt.Fprintf(&b, `\u%04X`, c)
		}
		return b.String()
	},
}

func TestEveryFormOfASecretIsTakenOut(t *testing.T) {
	for _, secret := range []string{
		"Hunter2-Zq7", `p"a/s\s<w>o&r'd`, "pass word", "tab\there", "schlüssel€😀", "100%25+more=", "a.b*c(d)[e]{f}^$|?",
	} {
		r := New("other-secret", secret)
		for first, inner := range escapes {
			for second, outer := range escapes {
				quoted := outer(inner(secret))
				if got := r.Clean("the key <" + quoted + "> is unknown"); got != "the key <"+Placeholder+"> is unknown" {
					t.Errorf("%q, %s, then %s: %q", secret, first, second, got)
				}
			}
		}
	}
}

func TestNoMoreThanTheSecretIsTakenOut(t *testing.T) {
	r := New("abc123", "abc123-longer", "v", "Ärger")
	for in, want := range map[string]string{
		"":                                 "",
		" a\r\n\tb\x00c ":                  "a b c",
		"abc123-longer abc123 abc12":       "*** *** abc12",
		"v":                                "v",
		"\xff":                             "\uFFFD",
		"http://me:pw@proxy:1/x":           "http://***@proxy:1/x",
		`invalid address "me:p/w@proxy:1"`: `invalid address "***@proxy:1"`,
		`"https://me:p@/w@proxy" "x@y"`:    `"https://***@proxy" "x@y"`,
		"dial tcp [::1]:4318: refused":     "dial tcp [::1]:4318: refused",
		"https://h/path":                   "https://h/path",
	} {
		if got := r.Clean(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestExcerptsAreCutAtARuneAfterSecretsAreGone(t *testing.T) {
	r := New("hunter2-zq7")
	for n := range 12 {
		got := r.Excerpt(strings.Repeat("a", n) + strings.Repeat("€", 63) + "hunter2-zq7" + strings.Repeat("€", 50))
		if len(got) > MaxExcerpt || !utf8.ValidString(got) || !strings.HasSuffix(got, "...") || strings.Contains(got, "hunt") {
			t.Errorf("the excerpt is %q", got)
		}
	}
	if s := strings.Repeat("x", MaxExcerpt); r.Excerpt(s) != s {
		t.Error("a text that is short enough is cut")
	}
}

func TestMuteQuotesNothingOfOthers(t *testing.T) {
	if got := Mute().Excerpt("anything"); got != "" {
		t.Errorf("quoted %q", got)
	}
	if got := Mute().Own("my  words"); got != "my words" {
		t.Errorf("own words become %q", got)
	}
}

func TestAnErrorKeepsItsChainAndNotItsText(t *testing.T) {
	cause := &url.Error{Op: "dial", URL: "https://me:hunter2@h", Err: io.EOF}
	e := NewError("short", cause)
	var found *url.Error
	if !errors.Is(e, io.EOF) || !errors.As(e, &found) || found != cause {
		t.Error("the chain is lost")
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{e, *e, []error{e}, struct{ e *Error }{e}} {
			if s := fmt.Sprintf(verb, v); strings.Contains(s, "hunter2") || strings.Contains(s, "68756e746572") {
				t.Errorf("%s shows %s", verb, s)
			}
		}
	}
	if errors.Unwrap(e) != nil {
		t.Error("Unwrap hands out the text")
	}
}

func TestURLShowsSchemeAndHost(t *testing.T) {
	for in, want := range map[string]string{
		"https://h":                     "https://h",
		"https://h/":                    "https://h",
		"https://me:pw@h:1/hook/x?k=v#": "https://h:1/***",
		"http://[fe80::1%25lo]:4318/":   "http://[fe80::1%25lo]:4318",
		"h":                             Placeholder,
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := URL(u); got != want {
			t.Errorf("%s is shown as %s, want %s", in, got, want)
		}
	}
	if URL(nil) != Placeholder {
		t.Error("nil is shown")
	}
}
