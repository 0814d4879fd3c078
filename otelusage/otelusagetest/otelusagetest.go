// Package otelusagetest lets an application's tests check what it counts, without
// a mirror and without the OpenTelemetry SDK.
package otelusagetest

import (
	"testing"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/internal/peek"
	"go.opentelemetry.io/otel/metric/noop"
)

// New returns an attached tracker that counts in memory only and shares its
// counts with no other. An error in it, such as a refused declaration, fails tb,
// also later. The tracker is closed when tb ends. The options come on top, such as
// [otelusage.DeclaredOnly]: then an undeclared value fails tb.
func New(tb testing.TB, opts ...otelusage.Option) *otelusage.Tracker {
	tb.Helper()
	t := new(otelusage.Tracker)
	tb.Cleanup(func() { _ = t.Close() })
	// A pointer, because trackers on equal providers share their counts.
	err := t.Attach(append([]otelusage.Option{otelusage.WithMeterProvider(&noop.MeterProvider{}),
		otelusage.WithErrorHandler(func(err error) { tb.Errorf("otelusage: %v", err) })}, opts...)...)
	if err != nil {
		tb.Errorf("otelusage: %v", err)
	}
	return t
}

// Values returns what t holds, by name and attributes: "searches{via=web}" is
// "3" for a Statistic, "play_time" is "2 runs, 3 hours" for a Timer, "server"
// is "Metric" or "no state" for a State, and "round_trip" is "4", the
// completions, for a Sequence. A Statistic or Timer that is bound to attributes
// appears without attributes only if it counted something without them. A nil t
// has no values.
func Values(t *otelusage.Tracker) map[string]string {
	values := make(map[string]string)
	for label, m := range peek.Measures(t) {
		values[label] = peek.Text(m)
	}
	return values
}
