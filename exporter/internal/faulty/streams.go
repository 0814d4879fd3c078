package faulty

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
)

// stream is one identity as delta_to_cumulative knows it, and what it kept.
type stream struct {
	start, end uint64
	sum        float64
	whole      int64
	count      uint64
}

// Streams keeps deltas by the rules of delta_to_cumulative: of each stream, a
// point that is not newer than the last is dropped, and so is one that starts
// before the stream began. Either way the answer is a success.
type Streams struct {
	mu      sync.Mutex
	streams map[string]*stream
	names   map[string]string // a stream's metric and attributes
	dropped int
	refused map[string]int64 // whole numbers in points that were rejected and never kept
}

// NewStreams returns streams that have seen nothing.
func NewStreams() *Streams {
	return &Streams{streams: make(map[string]*stream), names: make(map[string]string), refused: make(map[string]int64)}
}

// Keep takes in a request, but for the first reject points of it.
func (s *Streams) Keep(request *collector.ExportMetricsServiceRequest, reject int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rm := range request.ResourceMetrics {
		resource := attributes(rm.Resource.GetAttributes())
		for _, sm := range rm.ScopeMetrics {
			scope := sm.Scope.GetName() + "@" + sm.Scope.GetVersion() + attributes(sm.Scope.GetAttributes())
			for _, m := range sm.Metrics {
				s.metric(resource+scope, m, &reject)
			}
		}
	}
}

func (s *Streams) metric(where string, m *metrics.Metric, reject *int) {
	id := fmt.Sprintf("%s|%s|%s|%T", where, m.Name, m.Unit, m.Data)
	switch data := m.Data.(type) {
	case *metrics.Metric_Sum:
		id += fmt.Sprint(data.Sum.IsMonotonic)
		for _, p := range data.Sum.DataPoints {
			if st := s.point(id, m.Name, p.Attributes, p.StartTimeUnixNano, p.TimeUnixNano, p.GetAsInt(), reject); st != nil {
				st.whole += p.GetAsInt()
				st.sum += p.GetAsDouble()
			}
		}
	case *metrics.Metric_Histogram:
		for _, p := range data.Histogram.DataPoints {
			if st := s.point(id, m.Name, p.Attributes, p.StartTimeUnixNano, p.TimeUnixNano, 0, reject); st != nil {
				st.count += p.Count
				st.sum += p.GetSum()
			}
		}
	}
}

// point returns the stream to add to, nil where the point is not kept.
func (s *Streams) point(id, name string, kvs []*common.KeyValue, start, end uint64, whole int64, reject *int) *stream {
	set := attributes(kvs)
	id += set
	st := s.streams[id]
	stale := st != nil && (start < st.start || end <= st.end)
	if *reject > 0 {
		*reject--
		if !stale { // one that was kept before, and came again, is not lost
			s.refused[name+set] += whole
		}
		return nil
	}
	if stale {
		s.dropped++
		return nil
	}
	if st == nil {
		st = &stream{start: start}
		s.streams[id], s.names[id] = st, name+set
	}
	st.end = end
	return st
}

// Rejected returns what was in points that were rejected, by metric and
// attributes.
func (s *Streams) Rejected() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.refused)
}

// Whole returns what was kept of whole numbers, by metric and attributes, over
// all resources: "n{via=web}".
func (s *Streams) Whole() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	sums := make(map[string]int64)
	for id, st := range s.streams {
		sums[s.names[id]] += st.whole
	}
	return sums
}

// Counts returns what was kept of histograms: how many observations.
func (s *Streams) Counts() map[string]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	sums := make(map[string]uint64)
	for id, st := range s.streams {
		sums[s.names[id]] += st.count
	}
	return sums
}

// Dropped returns how many points were not kept.
func (s *Streams) Dropped() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

func attributes(kvs []*common.KeyValue) string {
	if len(kvs) == 0 {
		return ""
	}
	texts := make([]string, len(kvs))
	for i, kv := range kvs {
		texts[i] = kv.Key + "=" + kv.Value.GetStringValue()
	}
	slices.Sort(texts)
	return "{" + strings.Join(texts, ",") + "}"
}
