package batch

import (
	"slices"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/saturate"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// stream is what a receiver identifies points by. The mirror distinguishes more:
// whole numbers from floats, histograms by their boundaries, and texts that are
// equal once invalid UTF-8 is replaced. A receiver drops the second of two points
// of one stream with the same time, so each batch takes one series of a stream, in
// turn, and the others wait for the next batch.
//
// Descriptions and schema URLs are no part of a series in the mirror, and the
// case of a name tells streams apart for a receiver too.
type stream struct {
	resource                        int64
	scope, version, scopeAttributes string
	name, unit, attributes          string
	typ                             series.MetricType
	monotonic                       bool
}

func streamOf(resource int64, w *Metric, attributes string) stream {
	return stream{resource, asSent(w.ScopeName), asSent(w.ScopeVersion), string(w.ScopeAttributes),
		asSent(w.Name), asSent(w.Unit), attributes, w.Type, w.Monotonic}
}

// asSent replaces what no text on the wire can hold.
func asSent(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// streamTotal is the total of a stream, over all its series.
type streamTotal struct {
	resource   int64
	metric     *Metric
	attributes string
	value      series.Value
}

// add adds another series: whole numbers as floats, histograms by the
// boundaries that both have.
func (t *streamTotal) add(w *Metric, v series.Value) {
	m := *t.metric
	switch {
	case v.Kind() == series.KindHistogram && t.value.Kind() == series.KindHistogram:
		m.Bounds = commonBounds(m.Bounds, w.Bounds)
		t.value = series.HistogramValue(t.value.Histogram().Coarser(m.Bounds)).Add(series.HistogramValue(v.Histogram().Coarser(m.Bounds)))
	case v.Kind() != t.value.Kind():
		m.Float = true
		t.value = series.Float64Value(saturate.AddFloat(t.value.Float64(), v.Float64()))
	default:
		t.value = t.value.Add(v)
	}
	t.metric = &m
}

func commonBounds(a, b []float64) []float64 {
	common := []float64{}
	for _, bound := range a {
		if slices.Contains(b, bound) {
			common = append(common, bound)
		}
	}
	return common
}
