package redact

import (
	"html"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// unit is a character of a text, or the escape that stands for one, with its
// place in the text.
type unit struct {
	char       rune
	start, end int
}

func units(s string) []unit {
	all := make([]unit, 0, len(s))
	for i, c := range s {
		all = append(all, unit{c, i, i + utf8.RuneLen(c)})
	}
	return all
}

// unescape takes one layer of escapes away: those of URLs, HTML and JSON, in any
// mixture. changed is false where there is none.
func unescape(in []unit) (out []unit, changed bool) {
	out = make([]unit, 0, len(in))
	for len(in) > 0 {
		var found []unit
		used := 0
		switch in[0].char {
		case '%':
			found, used = percentEncoded(in)
		case '&':
			found, used = entity(in)
		case '\\':
			found, used = backslashed(in)
		}
		if used == 0 {
			found, used = in[:1], 1
		} else {
			changed = true
		}
		out, in = append(out, found...), in[used:]
	}
	return out, changed
}

// percentEncoded takes all of %c3%bc at once: it is one character.
func percentEncoded(in []unit) (found []unit, used int) {
	var octets []byte
	for used+2 < len(in) && in[used].char == '%' {
		n, ok := hexadecimal(in[used+1 : used+3])
		if !ok {
			break
		}
		octets = append(octets, byte(n))
		used += 3
	}
	for at := 0; len(octets) > 0; {
		c, size := utf8.DecodeRune(octets)
		found = append(found, unit{c, in[at].start, in[at+3*size-1].end})
		octets, at = octets[size:], at+3*size
	}
	return found, used
}

// entity takes a name or number that HTML knows, up to its semicolon.
func entity(in []unit) (found []unit, used int) {
	const longest = 12
	var name strings.Builder
	for i, u := range in[:min(len(in), longest)] {
		name.WriteRune(u.char)
		if u.char != ';' {
			continue
		}
		for _, spelled := range []string{name.String(), strings.ToLower(name.String())} {
			if c, size := utf8.DecodeRuneInString(html.UnescapeString(spelled)); size > 0 && html.UnescapeString(spelled) == string(c) {
				return []unit{{c, in[0].start, u.end}}, i + 1
			}
		}
		break
	}
	return nil, 0
}

// backslashed takes an escape of JSON, of either case.
func backslashed(in []unit) (found []unit, used int) {
	if len(in) < 2 {
		return nil, 0
	}
	one := func(c rune, used int) ([]unit, int) { return []unit{{c, in[0].start, in[used-1].end}}, used }
	switch c := unicode.ToLower(in[1].char); c {
	case '"', '\'', '/', '\\':
		return one(c, 2)
	case 'b', 'f', 'n', 'r', 't':
		return one(' ', 2)
	case 'u':
		high, ok := surrogate(in)
		if !ok {
			return nil, 0
		}
		if low, ok := surrogate(in[6:]); ok && utf16.IsSurrogate(high) {
			if c := utf16.DecodeRune(high, low); c != unicode.ReplacementChar {
				return one(c, 12)
			}
		}
		return one(high, 6)
	}
	return nil, 0
}

// surrogate reads what begins with \u and four digits.
func surrogate(in []unit) (rune, bool) {
	if len(in) < 6 || in[0].char != '\\' || unicode.ToLower(in[1].char) != 'u' {
		return 0, false
	}
	n, ok := hexadecimal(in[2:6])
	return rune(n), ok
}

func hexadecimal(digits []unit) (uint64, bool) {
	var b strings.Builder
	for _, u := range digits {
		b.WriteRune(u.char)
	}
	n, err := strconv.ParseUint(b.String(), 16, 32)
	return n, err == nil
}
