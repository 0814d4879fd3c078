package linking

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// batch is what a receiver can read of one submission: its requests have the same
// service.instance.id and interval.
type batch struct {
	owner   int // for the count of hits alone
	arrived time.Time
	size    int

	installation, stream string
	start, end           uint64
	version              string
	series               []string       // in order
	order                map[string]int // the place of each
	state                string
	left                 string            // the state that it takes back
	beats                map[string]string // dates by period, the first of each
	searches             map[string]float64
	counts               bool // more than a retraction
}

// read returns the batches of all requests, each once, by arrival. Resends are known
// by their bytes.
func read(requests []Request) ([]*batch, error) {
	byKey := make(map[string]*batch)
	seen := make(map[string]bool)
	var all []*batch
	for _, r := range requests {
		if seen[string(r.Body)] {
			continue
		}
		seen[string(r.Body)] = true
		message := new(colmetricpb.ExportMetricsServiceRequest)
		if err := proto.Unmarshal(r.Body, message); err != nil {
			return nil, fmt.Errorf("read request: %w", err)
		}
		for _, rm := range message.ResourceMetrics {
			b := &batch{owner: r.owner, arrived: r.Arrived, order: make(map[string]int), beats: make(map[string]string), searches: make(map[string]float64)}
			named := texts(rm.Resource.Attributes)
			b.installation, b.stream, b.version = named["app.installation.id"], named["service.instance.id"], named["service.version"]
			b.start, b.end = interval(rm)
			key := fmt.Sprint(b.stream, b.start, b.end)
			if first := byKey[key]; first != nil {
				b = first
			} else {
				byKey[key], all = b, append(all, b)
			}
			b.size += len(r.Body)
			b.version = max(b.version, named["service.version"])
			for _, sm := range rm.ScopeMetrics {
				for _, m := range sm.Metrics {
					b.add(m)
				}
			}
		}
	}
	return slices.DeleteFunc(all, func(b *batch) bool { return !b.counts }), nil
}

func texts(list []*commonpb.KeyValue) map[string]string {
	m := make(map[string]string)
	for _, kv := range list {
		m[kv.Key] = kv.Value.GetStringValue()
	}
	return m
}

func interval(rm *metricspb.ResourceMetrics) (start, end uint64) {
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			for _, p := range slices.Concat(m.GetSum().GetDataPoints(), m.GetGauge().GetDataPoints()) {
				return p.StartTimeUnixNano, p.TimeUnixNano
			}
			for _, p := range m.GetHistogram().GetDataPoints() {
				return p.StartTimeUnixNano, p.TimeUnixNano
			}
		}
	}
	return 0, 0
}

func (b *batch) add(m *metricspb.Metric) {
	place := func(attributes []*commonpb.KeyValue) map[string]string {
		named := texts(attributes)
		series := m.Name + " " + m.Description + " " + named["via"] + named["checkpoint"]
		if _, twice := b.order[series]; !twice {
			b.order[series], b.series = len(b.series), append(b.series, series)
		}
		return named
	}
	for range m.GetHistogram().GetDataPoints() {
		place(nil)
		b.counts = true
	}
	for _, p := range m.GetGauge().GetDataPoints() {
		b.state = place(p.Attributes)["state"]
	}
	for _, p := range m.GetSum().GetDataPoints() {
		named := place(p.Attributes)
		switch {
		case m.Name == "otelusage.active":
			if date := b.beats[named["period"]]; date == "" || named["date"] < date {
				b.beats[named["period"]] = named["date"]
			}
		case m.Name == "searches":
			b.searches[named["via"]] += float64(p.GetAsInt())
		case strings.HasSuffix(m.Name, otelusage.OccupancySuffix) && p.GetAsInt() < 0:
			b.left = named["state"]
		}
	}
}

func (b *batch) total() (sum float64) {
	for _, n := range b.searches {
		sum += n
	}
	return sum
}

// byArrival orders batches.
func byArrival(a, b *batch) int { return cmp.Compare(a.arrived.UnixNano(), b.arrived.UnixNano()) }
