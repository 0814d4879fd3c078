package peers

import (
	"testing"

	"github.com/anonymoususage/anonymoususage-go/otelusage/internal/promname"
	"github.com/prometheus/otlptranslator"
)

// types are those of the translator for what trackables send.
var types = map[promname.Type]otlptranslator.MetricType{
	promname.UpDown:    otlptranslator.MetricTypeNonMonotonicCounter,
	promname.Counter:   otlptranslator.MetricTypeMonotonicCounter,
	promname.Histogram: otlptranslator.MetricTypeHistogram,
}

// FuzzNamesAreTranslatedAlike compares the names that are refused by with those of
// the translator that the Collector and Prometheus use.
func FuzzNamesAreTranslatedAlike(f *testing.F) {
	for _, name := range []string{
		"saves", "save.file", "save-file", "save/file", "save__file", "session.seconds", "Session.Seconds", "a.total", "total", "total.total",
		"read_bytes", "x.per_second", "n1", "a_", "bytes", "per_", "seconds.sum",
	} {
		for _, unit := range []string{
			"", "s", "1", "%", "By", "KiBy/s", "{page}", "{page}/s", "m/h", "foo bar", "/s", "By/", "__", "a__b", "_/_", "10^3.m", "s/", " By / mo ", "a//b", "total",
		} {
			f.Add(name, unit)
		}
	}
	namer := otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes)
	f.Fuzz(func(t *testing.T, name, unit string) {
		for ours, theirs := range types {
			want, err := namer.Build(otlptranslator.Metric{Name: name, Unit: unit, Type: theirs})
			if err != nil {
				return // no name: a trackable has at least a letter
			}
			if got := (promname.Metric{Name: name, Unit: unit, Type: ours}).Series()[0]; got != want {
				t.Errorf("%q in %q is %q, the translator calls it %q", name, unit, got, want)
			}
		}
	})
}
