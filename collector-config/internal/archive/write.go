package archive

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
)

// checkpointKey is an attribute by which no two files that are written begin
// alike: the Collector takes two files that do for one. It does not keep it.
const checkpointKey = "otelusage.checkpoint"

// write writes the sums as an archive, a request for each resource.
func (s *Sums) write(w io.Writer, name string) error {
	lines := make(map[string]*request)
	for _, key := range slices.Sorted(maps.Keys(s.streams)) {
		one := s.streams[key]
		resource, err := json.Marshal(one.resource)
		if err != nil {
			return fmt.Errorf("write sums: %w", err)
		}
		line := lines[string(resource)]
		if line == nil {
			line = &request{ResourceMetrics: make([]resourceMetrics, 1)}
			line.ResourceMetrics[0].Resource.Attributes = append(attributes{{checkpointKey, textValue(name)}}, one.resource...)
			lines[string(resource)] = line
		}
		line.ResourceMetrics[0].add(one)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for _, resource := range slices.Sorted(maps.Keys(lines)) {
		if err := encoder.Encode(lines[resource]); err != nil {
			return fmt.Errorf("write sums: %w", err)
		}
	}
	return nil
}

func textValue(s string) json.RawMessage {
	value, err := json.Marshal(map[string]string{"stringValue": s})
	if err != nil {
		return json.RawMessage("{}") // a string has a JSON form
	}
	return value
}

// add adds a stream, in the order of the streams: those of a scope are together.
func (rm *resourceMetrics) add(s *stream) {
	last := len(rm.ScopeMetrics) - 1
	if last < 0 || !rm.ScopeMetrics[last].Scope.equal(s.scope) {
		rm.ScopeMetrics = append(rm.ScopeMetrics, scopeMetrics{Scope: s.scope})
		last++
	}
	rm.ScopeMetrics[last].Metrics = append(rm.ScopeMetrics[last].Metrics, s.metric())
}

func (s scope) equal(other scope) bool {
	return s.Name == other.Name && s.Version == other.Version &&
		slices.EqualFunc(s.Attributes, other.Attributes, func(a, b attribute) bool {
			return a.Key == b.Key && string(a.Value) == string(b.Value)
		})
}

// anyTime is the time of a sum. The aggregator does not look at it.
const anyTime = "1"

func (s *stream) metric() metric {
	m := metric{Name: s.name, Unit: s.unit}
	if s.histogram {
		p := histogram{Attributes: s.attributes, Time: anyTime, Count: decimal(s.count), Sum: s.sum, Bounds: s.bounds}
		for _, n := range s.buckets {
			p.Buckets = append(p.Buckets, decimal(n))
		}
		m.Histogram = &histograms{DataPoints: []histogram{p}, Temporality: delta}
		return m
	}
	m.Sum = &numbers{Temporality: delta, Monotonic: s.monotonic}
	if s.whole != nil {
		n := json.Number(strconv.FormatInt(*s.whole, 10))
		m.Sum.DataPoints = append(m.Sum.DataPoints, number{Attributes: s.attributes, Time: anyTime, Whole: &n})
	}
	if s.real != nil {
		m.Sum.DataPoints = append(m.Sum.DataPoints, number{Attributes: s.attributes, Time: anyTime, Real: s.real})
	}
	return m
}

func decimal(n uint64) json.Number { return json.Number(strconv.FormatUint(n, 10)) }
