package localstore

import (
	"slices"
	"strings"
)

// stream is what a receiver tells points apart by. The mirror tells more apart:
// whole numbers from floats, histograms by their boundaries, texts that are
// spelt alike once invalid UTF-8 is replaced. Of two points of one stream with
// one time a receiver drops the second, so each batch takes one series of a
// stream, in turn, and the others wait for the next.
//
// Descriptions and schema URLs are no part of a series in the mirror, and the
// case of a name tells streams apart for a receiver too.
type stream struct {
	resource                        int64
	scope, version, scopeAttributes string
	name, unit, attributes          string
	typ                             MetricType
	monotonic                       bool
}

func streamOf(resource int64, w *wireMetric, attributes string) stream {
	return stream{resource, asSent(w.ScopeName), asSent(w.ScopeVersion), string(w.ScopeAttributes),
		asSent(w.Name), asSent(w.Unit), attributes, w.Type, w.Monotonic}
}

// asSent replaces what no text on the wire can hold.
func asSent(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// streamTotal is the total of a stream, over all its series.
type streamTotal struct {
	resource   int64
	metric     *wireMetric
	attributes string
	value      Value
}

// add adds another series: whole numbers as floats, histograms by the
// boundaries that both have.
func (t *streamTotal) add(w *wireMetric, v Value) {
	m := *t.metric
	switch {
	case v.kind == histogramValue && t.value.kind == histogramValue:
		m.Bounds = commonBounds(m.Bounds, w.Bounds)
		t.value = HistogramValue(t.value.hist.coarser(m.Bounds)).Add(HistogramValue(v.hist.coarser(m.Bounds)))
	case v.kind != t.value.kind:
		m.Float = true
		t.value = Float64Value(addFloat(t.value.Float64(), v.Float64()))
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

// coarser returns h with some of its boundaries alone.
func (h *Histogram) coarser(bounds []float64) *Histogram {
	c := &Histogram{Count: h.Count, Sum: h.Sum, Bounds: bounds, Buckets: make([]uint64, len(bounds)+1)}
	to := 0
	for i, n := range h.Buckets {
		c.Buckets[to] += n
		if to < len(bounds) && i < len(h.Bounds) && h.Bounds[i] == bounds[to] {
			to++
		}
	}
	return c
}
