package setup

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ini.v1 has no line numbers, merges what is there twice, quotes lines in its
// errors, and reads more into some lines than is meant. So this scan finds the
// lines of sections and keys first, and refuses what the library would not
// take at its word. The library then reads the values.

// place is where a section or key stands.
type place struct {
	line int
	text string // as written
}

// layout says where everything is, by lower-case names.
type layout struct {
	sections map[string]place
	keys     map[string]map[string]place // by section
	refused  map[place]bool              // keys by the line of their section; the zero place for a section
}

// readable returns the lines of the sections and keys found. Of the others it
// cannot be said what the library would read in them.
func (l layout) readable(text string) string {
	lines := strings.Split(text, "\n")
	found := make([]string, len(lines))
	keep := func(at place) { found[at.line-1] = lines[at.line-1] }
	for _, at := range l.sections {
		keep(at)
	}
	for _, keys := range l.keys {
		for _, at := range keys {
			keep(at)
		}
	}
	return strings.Join(found, "\n")
}

// checkEncoding returns the line of the first byte that is no text.
func checkEncoding(text string) (line int, err error) {
	if strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") {
		return 1, fmt.Errorf("%w: it is UTF-16", ErrNotText)
	}
	for i, r := range text {
		switch {
		case r == 0:
			err = fmt.Errorf("%w: there is a NUL byte", ErrNotText)
		case r == utf8.RuneError && strings.HasPrefix(text[i:], "\uFFFD"): // is one in the file
			continue
		case r == utf8.RuneError:
			err = fmt.Errorf("%w: byte 0x%02x does not belong there", ErrNotText, text[i])
		default:
			continue
		}
		return 1 + strings.Count(text[:i], "\n"), err
	}
	return 0, nil
}

// scan finds sections and keys, and reports what is wrong with the lines.
func scan(text string, errs *fileErrors) layout {
	found := layout{sections: map[string]place{}, keys: map[string]map[string]place{}, refused: map[place]bool{}}
	var section string // none where its keys are not to be looked at
	keyIndent, number := math.MaxInt, 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		content := strings.TrimSpace(line)
		indent := strings.Index(line, content)
		switch {
		case content == "" || content[0] == '#' || content[0] == ';':
		case content[0] == '[':
			section, keyIndent = found.header(content, number, errs), math.MaxInt
		case len(found.sections) == 0 && section == "" && !errs.any():
			errs.add(number, "", fmt.Errorf("%w: the line stands before the first section", ErrUnknownSection))
		case section != "":
			if found.key(section, content, number, indent > keyIndent, errs) {
				keyIndent = indent
			}
		}
	}
	return found
}

// header takes a section line and returns the section's name, none if what
// follows is not to be looked at.
func (l layout) header(content string, number int, errs *fileErrors) string {
	end := strings.LastIndexByte(content, ']')
	if end < 0 {
		l.refused[place{}] = true
		errs.add(number, "", fmt.Errorf("%w: the section has no ]", ErrSyntax))
		return ""
	}
	rest := strings.TrimSpace(content[end+1:])
	if rest != "" && rest[0] != '#' && rest[0] != ';' {
		l.refused[place{}] = true
		errs.add(number, "", fmt.Errorf("%w: there is more on the line than the section", ErrSyntax))
		return ""
	}
	written := content[1:end]
	name := strings.ToLower(written)
	if sections[name] == nil {
		errs.add(number, "", fmt.Errorf("%w [%s]: there are General, HQ and OTLP", ErrUnknownSection, shown(written)))
		return ""
	}
	if first, twice := l.sections[name]; twice {
		errs.add(number, "", fmt.Errorf("section [%s] is %w: first in line %d", written, ErrDuplicate, first.line))
		return ""
	}
	l.sections[name], l.keys[name] = place{number, written}, map[string]place{}
	return name
}

// key takes the line of a key. One that is indented deeper than the key before
// it may be the rest of a value, so that nothing of it is quoted. It reports whether the
// line was taken for a key.
func (l layout) key(section, content string, number int, deeper bool, errs *fileErrors) bool {
	end := strings.IndexAny(content, "=:")
	if end < 0 {
		errs.add(number, "", fmt.Errorf("%w: neither a section, nor key = value, nor a comment; a value has one line", ErrSyntax))
		return false
	}
	written := strings.TrimSpace(content[:end])
	name := strings.ToLower(written)
	first, twice := l.keys[section][name]
	switch {
	case written == "":
		errs.add(number, "", fmt.Errorf("%w: there is no key before the %c", ErrSyntax, content[end]))
	case sections[section][name].set == nil && deeper:
		errs.add(number, "", fmt.Errorf("%w in [%s], or a value that goes on: a value has one line",
			ErrUnknownKey, l.sections[section].text))
		return false
	case sections[section][name].set == nil:
		errs.add(number, shown(written), fmt.Errorf("%w in [%s]: there are %s",
			ErrUnknownKey, l.sections[section].text, strings.Join(names(sections[section]), ", ")))
	case twice:
		errs.add(number, written, fmt.Errorf("%w: first in line %d", ErrDuplicate, first.line))
	case ambiguous(strings.TrimSpace(content[end+1:])):
		l.refused[place{l.sections[section].line, name}] = true
		errs.add(number, written, fmt.Errorf("%w: a value cannot begin with a backquote or three quotes", ErrBadValue))
	default:
		l.keys[section][name] = place{number, written}
	}
	return true
}

// ambiguous reports what ini.v1 takes as the begin of a text of many lines.
func ambiguous(value string) bool {
	return strings.HasPrefix(value, "`") || strings.HasPrefix(value, `"""`)
}

// shown returns what an error quotes of a name: printable and short.
func shown(name string) string {
	const most = 40
	name = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, name)
	if r := []rune(name); len(r) > most {
		return string(r[:most]) + "..."
	}
	return name
}
