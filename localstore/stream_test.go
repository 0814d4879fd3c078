package localstore

import (
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Whatever the mirror tells apart and a receiver does not goes out in batches
// of its own: of two points of one stream with one time the second is dropped.
func TestSeriesOfOneStreamTakeTurns(t *testing.T) {
	r := version("dev")
	other := []float64{2, 20}
	inUnit := func(unit string) *series.Series {
		s := statistic(r, "n")
		s.Metric.Unit = unit
		return s
	}
	inScope := func(name string) *series.Series {
		s := statistic(r, "n")
		s.Metric.Scope = &series.Scope{Name: name}
		return s
	}
	tests := []struct {
		name string
		a, b recording.Change
	}{
		{"whole and float", add(statistic(r, "n"), 5), recording.Change{Series: floatStatistic(r, "n"), Delta: series.Float64Value(2)}},
		{"float and whole", recording.Change{Series: floatStatistic(r, "n"), Delta: series.Float64Value(5)}, add(statistic(r, "n"), 2)},
		{"boundaries", recording.Change{Series: timer(r, "n", timerBounds), Delta: observe(timerBounds, 5)}, recording.Change{Series: timer(r, "n", other), Delta: observe(other, 2)}},
		{"unit", add(inUnit("\uFFFD"), 5), add(inUnit("\xff"), 2)},
		{"scope", add(inScope("app\uFFFD"), 5), add(inScope("app\xff"), 2)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := fresh(t)
			r := *r // a handle of one Store alone
			tt.a.Series.Resource, tt.b.Series.Resource = &r, &r
			w := newWriter(t, s)
			for range 2 {
				record(t, w, tt.a, tt.b)
			}
			var sent []float64
			for range 3 {
				// Both go on counting: neither may keep the other waiting for ever.
				for _, p := range submit(t, s) {
					for _, scope := range p.Scopes {
						for _, m := range scope.Metrics {
							if m.Metric.Name != "n" {
								continue
							}
							for _, point := range m.Points {
								sent = append(sent, point.Value.Float64())
							}
						}
					}
				}
				record(t, w, tt.a, tt.b)
			}
			// Each value waited until its turn: 5+5, then 2+2+2, then 5+5.
			if want := []float64{10, 6, 10}; len(sent) != 3 || sent[0] != want[0] || sent[1] != want[1] || sent[2] != want[2] {
				t.Errorf("sent %v, one per batch, want %v", sent, want)
			}
		})
	}
}

func TestTheLaterGaugeOfOneStreamIsSent(t *testing.T) {
	s, c := fresh(t)
	w, r := newWriter(t, s), version("dev")
	gauge := func(float bool) *series.Series {
		return &series.Series{Resource: r, Metric: &series.Metric{Scope: &series.Scope{Name: "app"}, Name: "g", Type: series.TypeGauge, Float: float}}
	}
	recordAll(t, w, recording.Recording{MaySend: true, Gauges: []recording.Gauge{{Series: gauge(false), Value: series.Int64Value(1)}}})
	c.add(1)
	recordAll(t, w, recording.Recording{MaySend: true, Gauges: []recording.Gauge{{Series: gauge(true), Value: series.Float64Value(2)}}})
	for _, want := range []float64{2, 0} {
		record(t, w, add(statistic(r, "n"), 1))
		part := submit(t, s)[0]
		if got := points(part)["g{}"].Float64(); got != want {
			t.Errorf("sent %g, want %g", got, want)
		}
	}
}

func TestKeysThatBecomeOneAreOneSet(t *testing.T) {
	a := attribute.NewSet(attribute.String("k\xff", "a"), attribute.String("k\xfe", "b"))
	b := attribute.NewSet(attribute.String("k\uFFFD", "a"))
	text := series.EncodeAttributes(a)
	set, err := series.DecodeAttributes(text)
	if err != nil || set.Len() != 1 || series.EncodeAttributes(set) != text {
		t.Errorf("%s reads as %v, %v", text, set.ToSlice(), err)
	}
	if got := series.EncodeAttributes(b); len(got) != len(text) {
		t.Errorf("%s and %s", got, text)
	}
}

// Totals have one point per stream, too: what it has in several series is added.
func TestTotalsOfOneStreamAreOnePoint(t *testing.T) {
	s, _ := fresh(t)
	w, r := newWriter(t, s), version("dev")
	other, common := []float64{1, 20, 100}, []float64{1, 100}
	record(t, w, add(statistic(r, "n"), 5), recording.Change{Series: floatStatistic(r, "n"), Delta: series.Float64Value(2.5)},
		recording.Change{Series: timer(r, "t", timerBounds), Delta: observe(timerBounds, 0.5, 5, 50)}, recording.Change{Series: timer(r, "t", other), Delta: observe(other, 10, 30, 500)})
	part := attemptWith(t, s, request(outbox.Cumulative), always(accepted))[0]
	seen := make(map[string]int)
	for _, scope := range part.Scopes {
		for _, m := range scope.Metrics {
			seen[m.Metric.Name] += len(m.Points)
		}
	}
	if seen["n"] != 1 || seen["t"] != 1 {
		t.Errorf("points: %v", seen)
	}
	totals := points(part)
	if got := totals["n{}"]; got != series.Float64Value(7.5) {
		t.Errorf("n = %s", got)
	}
	if got, want := totals["t{}"], observe(common, 0.5, 5, 50, 10, 30, 500); !got.Equal(want) {
		t.Errorf("t = %s, want %s", got, want)
	}
}
