package otelusage

import (
	"fmt"
	"strings"
)

// spaced replaces what the Python library allows and OpenTelemetry
// does not.
func spaced(name string) string { return strings.ReplaceAll(name, " ", "_") }

// checkName returns the name under which a trackable is reported.
func checkName(given string) (string, error) {
	name := spaced(given)
	var wrong string
	switch {
	case name == "":
		wrong = "it is empty"
	case len(name) > MaxNameLength:
		wrong = fmt.Sprintf("it has %d bytes, at most %d are allowed", len(name), MaxNameLength)
	case !isLetter(name[0]):
		wrong = "it must begin with a letter"
	default:
		wrong = reserved(name)
		for i := range len(name) {
			if !isNameByte(name[i]) {
				wrong = "it may have letters, digits, '_', '.', '-' and '/' only"
				break
			}
		}
	}
	if wrong == "" {
		return name, nil
	}
	const most = 64
	shown := given
	if len(shown) > most {
		shown = cutAt(most, shown) + "..."
	}
	return "", fmt.Errorf("declare %q: %w: %s; %q would be valid", shown, ErrInvalidName, wrong, SuggestName(name))
}

func reserved(name string) string {
	lower := strings.ToLower(name)
	if strings.HasPrefix(lower, ReservedPrefix) {
		return fmt.Sprintf("the prefix %q is reserved", ReservedPrefix)
	}
	for _, suffix := range []string{ChangesSuffix, OccupancySuffix, CheckpointsSuffix} {
		if strings.HasSuffix(lower, suffix) {
			return fmt.Sprintf("the suffix %q is reserved", suffix)
		}
	}
	return ""
}

// SuggestName returns the nearest name that OpenTelemetry accepts. It replaces
// each character that is not allowed, such as a space, with '_' and leaves a valid
// name unchanged.
func SuggestName(name string) string {
	var b strings.Builder
	for _, r := range name {
		if b.Len() == MaxNameLength {
			break
		}
		switch {
		case b.Len() == 0 && (r > 0x7f || !isLetter(byte(r))):
			b.WriteString("n_")
			fallthrough
		default:
			if r > 0x7f || !isNameByte(byte(r)) {
				r = '_'
			}
			b.WriteByte(byte(r))
		}
	}
	s := b.String()
	if s == "" {
		return "name"
	}
	s = s[:min(len(s), MaxNameLength)]
	// A reserved beginning or end stops being one when its dot goes.
	for reserved(s) != "" {
		if strings.HasPrefix(strings.ToLower(s), ReservedPrefix) {
			s = strings.Replace(s, ".", "_", 1)
		} else {
			i := strings.LastIndexByte(s, '.')
			s = s[:i] + "_" + s[i+1:]
		}
		if !isLetter(s[0]) {
			s = "n" + s
		}
	}
	return s
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isNameByte(c byte) bool {
	return isLetter(c) || '0' <= c && c <= '9' || c == '_' || c == '.' || c == '-' || c == '/'
}

// checkUnit follows the OpenTelemetry specification of instrument units.
func checkUnit(unit string) error {
	if len(unit) > 63 {
		return fmt.Errorf("%w: the unit has %d bytes, at most 63 are allowed", ErrInvalidValue, len(unit))
	}
	for i := range len(unit) {
		if unit[i] >= 0x80 {
			return fmt.Errorf("%w: the unit %q is not ASCII", ErrInvalidValue, unit)
		}
	}
	return nil
}
