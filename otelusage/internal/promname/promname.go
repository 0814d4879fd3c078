// Package promname says under which names Prometheus has a metric, as the
// Collector's prometheus exporter and Prometheus' own OTLP receiver translate
// OpenTelemetry names: with suffixes for units and counters, and with an underscore
// for everything that is no letter or digit. The reference is
// github.com/prometheus/otlptranslator, which is not linked into applications.
package promname

import (
	"slices"
	"strings"
	"unicode"
)

// Type is what a metric is at a receiver.
type Type int

const (
	// UpDown is a sum that may fall, or a gauge without a unit.
	UpDown Type = iota
	// Counter is a sum that never falls.
	Counter
	// Histogram has buckets, a sum and a count.
	Histogram
)

// Metric is a metric as it is sent.
type Metric struct {
	Name, Unit string
	Type       Type
}

// Fold returns what is left of a metric's name at a receiver, without regard to
// case. Names that are folded to one name cannot be told apart.
func Fold(name string) string {
	return strings.ToLower(strings.Join(tokens(name), "_"))
}

// Series returns the names of the series of a metric, the metric's own first. For a
// Histogram that is none itself, but no other metric can have it.
func (m Metric) Series() []string {
	family := m.family()
	if m.Type != Histogram {
		return []string{family}
	}
	return []string{family, family + "_bucket", family + "_sum", family + "_count"}
}

func (m Metric) family() string {
	parts := withUnit(tokens(m.Name), m.Unit)
	if m.Type == Counter {
		parts = append(slices.DeleteFunc(parts, func(s string) bool { return s == "total" }), "total")
	}
	name := strings.Join(parts, "_")
	if name != "" && '0' <= name[0] && name[0] <= '9' {
		return "_" + name
	}
	return name
}

// tokens splits a name at all that Prometheus drops.
func tokens(name string) []string {
	return strings.FieldsFunc(name, func(r rune) bool { return !kept(r) })
}

func kept(r rune) bool {
	return r == ':' || r <= unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// withUnit appends the parts of a unit that a name does not have yet.
func withUnit(parts []string, unit string) []string {
	amount, per := unitSuffixes(unit)
	if slices.Contains(parts, amount) {
		amount = ""
	}
	if per == "per_" {
		per = ""
	} else if per = strings.TrimSuffix(per, "_"); slices.Contains(parts, per) {
		per = ""
	}
	if per != "" {
		amount = strings.TrimSuffix(amount, "_")
	}
	for _, suffix := range []string{amount, per} {
		if suffix != "" {
			parts = append(parts, suffix)
		}
	}
	return parts
}

// unitSuffixes returns the words for a unit such as "By/s". What stands in braces
// is a remark.
func unitSuffixes(unit string) (amount, per string) {
	amount, per, _ = strings.Cut(unit, "/")
	amount, per = word(amount, amounts), word(per, rates)
	if per != "" {
		per = "per_" + per
	}
	return clean(amount), clean(per)
}

func word(unit string, words map[string]string) string {
	unit = strings.TrimSpace(unit)
	if strings.ContainsAny(unit, "{}") {
		return ""
	}
	if known, ok := words[unit]; ok {
		return known
	}
	return unit
}

// clean replaces what is not kept by one underscore, and has none in front.
func clean(unit string) string {
	var b strings.Builder
	for _, r := range unit {
		if kept(r) {
			b.WriteRune(r)
		} else if !strings.HasSuffix(b.String(), "_") {
			b.WriteByte('_')
		}
	}
	return strings.TrimPrefix(b.String(), "_")
}

var amounts = map[string]string{
	"d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds",
	"By": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes", "TiBy": "tibibytes",
	"KBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes", "TBy": "terabytes",
	"m": "meters", "V": "volts", "A": "amperes", "J": "joules", "W": "watts", "g": "grams",
	"Cel": "celsius", "Hz": "hertz", "1": "", "%": "percent",
}

var rates = map[string]string{"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year"}
