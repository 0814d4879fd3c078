package setup

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The file is scanned here and not by a library: those at hand have no line
// numbers, quote lines in their errors, in which an API key may stand, and read
// more into a value than Python's ConfigParser does.

// place is where a section or key stands.
type place struct {
	line int
	text string // as written
}

// setting is a key with what it holds.
type setting struct {
	place
	value string
}

// layout is what a file says, by lower-case names.
type layout struct {
	sections map[string]place
	keys     map[string]map[string]setting // by section
	notes    *fileErrors                   // what is ignored
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
	found := layout{sections: map[string]place{}, keys: map[string]map[string]setting{},
		notes: &fileErrors{file: errs.file}}
	var section string // none where its keys are not to be looked at
	begun := false     // the first section has, whether it is one of ours or not
	keyIndent, number := math.MaxInt, 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		content := strings.TrimSpace(line)
		indent := strings.Index(line, content)
		switch {
		case content == "" || content[0] == '#' || content[0] == ';':
		case content[0] == '[':
			section, begun, keyIndent = found.header(content, number, errs), true, math.MaxInt
		case !begun:
			begun = true // say it once
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
		errs.add(number, "", fmt.Errorf("%w: the section has no ]", ErrSyntax))
		return ""
	}
	rest := strings.TrimSpace(content[end+1:])
	if rest != "" && rest[0] != '#' && rest[0] != ';' {
		errs.add(number, "", fmt.Errorf("%w: there is more on the line than the section", ErrSyntax))
		return ""
	}
	written := content[1:end]
	name := strings.ToLower(written)
	if sections[name] == nil {
		l.notes.add(number, "", fmt.Errorf("%w [%s], which is ignored: there are General, HQ and OTLP", ErrUnknownSection, shown(written)))
		return ""
	}
	if first, twice := l.sections[name]; twice {
		l.notes.add(number, "", fmt.Errorf("section [%s] is %w, and goes on from line %d", written, ErrDuplicate, first.line))
		return name
	}
	l.sections[name], l.keys[name] = place{number, written}, map[string]setting{}
	return name
}

// aliases are former names of keys. The library's was server until its 1.14.
var aliases = map[string]map[string]string{"hq": {"server": "host"}}

// key takes the line of a key. One that is indented deeper than the key before
// it may be the rest of a value, so that nothing of it is quoted. It reports
// whether the line was taken for a key.
func (l layout) key(section, content string, number int, deeper bool, errs *fileErrors) bool {
	end := strings.IndexAny(content, "=:")
	if end < 0 {
		errs.add(number, "", fmt.Errorf("%w: neither a section, nor key = value, nor a comment; a value has one line", ErrSyntax))
		return false
	}
	written := strings.TrimSpace(content[:end])
	name := strings.ToLower(written)
	if now, ok := aliases[section][name]; ok {
		name = now
	}
	_, known := sections[section][name]
	first, twice := l.keys[section][name]
	switch {
	case written == "":
		errs.add(number, "", fmt.Errorf("%w: there is no key before the %c", ErrSyntax, content[end]))
		return true
	case !known && deeper:
		errs.add(number, "", fmt.Errorf("%w in [%s], or a value that goes on: a value has one line",
			ErrUnknownKey, l.sections[section].text))
		return false
	case !known:
		l.notes.add(number, shown(written), fmt.Errorf("%w in [%s], which is ignored: there are %s",
			ErrUnknownKey, l.sections[section].text, strings.Join(names(sections[section]), ", ")))
		return true
	case twice:
		l.notes.add(number, written, fmt.Errorf("%w, and holds instead of line %d", ErrDuplicate, first.line))
	}
	l.keys[section][name] = setting{place{number, written}, valueOf(content[end+1:])}
	return true
}

// valueOf returns the value as ConfigParser of Python 2 takes it: without the
// blanks around it and without a comment, which the first semicolon begins if a
// blank stands before it. Two quotes are the empty text.
func valueOf(written string) string {
	value := strings.TrimSpace(written)
	if i := strings.IndexByte(value, ';'); i > 0 && strings.ContainsRune(" \t\v\f\r", rune(value[i-1])) {
		value = strings.TrimSpace(value[:i])
	}
	if value == `""` {
		return ""
	}
	return value
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
