package localstore

import "strings"

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
