package terminal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"
)

// Printer writes for people, and JSON and files for programs.
type Printer struct {
	Out      *bufio.Writer
	Terminal bool // whether out is one
	Colour   bool
}

// Hostile reports whether a terminal may interpret a character: controls, and
// characters that reorder or hide text.
func Hostile(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

// Plain makes a text from the mirror safe for a line of output.
func Plain(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return Hostile(r) || r == utf8.RuneError }) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if Hostile(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Escaped lets f write JSON without characters that a terminal interprets:
// encoding/json does not escape all of them in strings.
func (p *Printer) Escaped(f func(io.Writer) error) error {
	return f(&runeWriter{w: p.Out, replace: func(r rune) string {
		switch {
		case r == '\n' || !Hostile(r):
			return ""
		case r > 0xFFFF:
			return fmt.Sprintf(`\u%04x\u%04x`, 0xD800+(r-0x10000)>>10, 0xDC00+(r-0x10000)&0x3FF)
		}
		return fmt.Sprintf(`\u%04x`, r)
	}})
}

// Harmless lets f write a file of another format. On a terminal the characters
// that it interprets are removed, elsewhere the file is unchanged.
func (p *Printer) Harmless(f func(io.Writer) error) error {
	if !p.Terminal {
		return f(p.Out)
	}
	return f(&runeWriter{w: p.Out, replace: func(r rune) string {
		if r == '\n' || r == '\r' || r == '\t' || !Hostile(r) {
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

func (w *runeWriter) Write(content []byte) (int, error) {
	text := append(w.rest, content...)
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
	return len(content), nil
}

// Title prints a heading.
func (p *Printer) Title(format string, args ...any) {
	p.styled("1", fmt.Sprintf(format, args...))
}

// Note prints a remark in a faint style.
func (p *Printer) Note(format string, args ...any) {
	p.styled("2", fmt.Sprintf(format, args...))
}

func (p *Printer) styled(style, text string) {
	if p.Colour {
		text = "\x1b[" + style + "m" + text + "\x1b[0m"
	}
	p.Line("%s", text)
}

// Line prints a line. An output error is reported when it is flushed.
func (p *Printer) Line(format string, args ...any) {
	fmt.Fprintf(p.Out, format+"\n", args...)
}

// Table prints rows in aligned columns and omits empty columns. The cells must
// be plain already.
func (p *Printer) Table(header []string, rows [][]string) {
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
		p.Line("%s", strings.TrimRight(text, " \n"))
	}
}

// PrintJSON writes a value as one indented JSON document.
func (p *Printer) PrintJSON(v any) error {
	return p.Escaped(func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	})
}
