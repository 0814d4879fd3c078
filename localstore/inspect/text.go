package inspect

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"
)

// hostile reports whether a terminal may interpret a character: controls, and
// characters that reorder or hide text.
func hostile(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

// plain makes a text from the mirror safe for a line of output.
func plain(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return hostile(r) || r == utf8.RuneError }) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if hostile(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// escaped lets f write JSON without characters that a terminal interprets:
// encoding/json does not escape all of them in strings.
func (s *session) escaped(f func(io.Writer) error) error {
	return f(&runeWriter{w: s.out, replace: func(r rune) string {
		switch {
		case r == '\n' || !hostile(r):
			return ""
		case r > 0xFFFF:
			return fmt.Sprintf(`\u%04x\u%04x`, 0xD800+(r-0x10000)>>10, 0xDC00+(r-0x10000)&0x3FF)
		}
		return fmt.Sprintf(`\u%04x`, r)
	}})
}

// harmless lets f write a file of another format. On a terminal the characters
// that it interprets are removed, elsewhere the file is unchanged.
func (s *session) harmless(f func(io.Writer) error) error {
	if !s.terminal {
		return f(s.out)
	}
	return f(&runeWriter{w: s.out, replace: func(r rune) string {
		if r == '\n' || r == '\r' || r == '\t' || !hostile(r) {
			return ""
		}
		return "\uFFFD"
	}})
}

// runeWriter replaces characters, also those that are split over two writes.
type runeWriter struct {
	w       io.Writer
	replace func(rune) string // "" keeps the character
	rest    []byte
}

func (w *runeWriter) Write(p []byte) (int, error) {
	text := append(w.rest, p...)
	var b bytes.Buffer
	for len(text) > 0 && utf8.FullRune(text) {
		r, n := utf8.DecodeRune(text)
		if instead := w.replace(r); instead != "" {
			b.WriteString(instead)
		} else {
			b.Write(text[:n])
		}
		text = text[n:]
	}
	w.rest = append([]byte(nil), text...)
	if _, err := w.w.Write(b.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// title prints a heading.
func (s *session) title(format string, args ...any) {
	s.styled("1", fmt.Sprintf(format, args...))
}

// note prints a remark in a faint style.
func (s *session) note(format string, args ...any) {
	s.styled("2", fmt.Sprintf(format, args...))
}

func (s *session) styled(style, text string) {
	if s.colour {
		text = "\x1b[" + style + "m" + text + "\x1b[0m"
	}
	s.line("%s", text)
}

// line prints a line. An output error is reported when it is flushed.
func (s *session) line(format string, args ...any) {
	fmt.Fprintf(s.out, format+"\n", args...)
}

// table prints rows in aligned columns and omits empty columns. The cells must
// be plain already.
func (s *session) table(header []string, rows [][]string) {
	used := make([]bool, len(header))
	for _, row := range rows {
		for i, cell := range row {
			used[i] = used[i] || cell != ""
		}
	}
	var b bytes.Buffer
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{header}, rows...) {
		var cells []string
		for i, cell := range row {
			if used[i] {
				cells = append(cells, cell)
			}
		}
		fmt.Fprintln(t, "  "+strings.Join(cells, "\t"))
	}
	_ = t.Flush() // into memory
	for text := range strings.Lines(b.String()) {
		s.line("%s", strings.TrimRight(text, " \n"))
	}
}
