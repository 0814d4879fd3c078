package archive

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Attributes that the Collector adds to what it archives.
const (
	receivedKey = "otelusage.received"
	startKey    = "otelusage.start"
	endKey      = "otelusage.end"
	kindKey     = "otelusage.kind"
)

// plotted are the resource attributes that transform/no_ids keeps.
var plotted = []string{"deployment.environment.name", "os.type", "service.name", "service.namespace", "service.version"}

// Sums are the totals of many requests, per stream as the aggregator has them:
// without ids, and without gauges, which cannot be added up.
type Sums struct {
	streams map[string]*stream

	// Requests were added up, and Unread were cut or no requests.
	Requests, Unread int
	// Resends are the points that were left out because they came before.
	Resends int
}

// stream is a sum. A statistic can have sent whole numbers and floats.
type stream struct {
	resource   attributes
	scope      scope
	name, unit string
	attributes attributes

	monotonic bool
	whole     *int64
	real      *float64

	histogram bool
	bounds    []float64
	count     uint64
	sum       float64
	buckets   []uint64
}

// Total is one stream's, for a comparison.
type Total struct {
	Application, Version, Metric string
	Attributes                   map[string]string
	Sum                          float64 // of a Timer, its seconds
	Count                        int64   // of a Timer, its runs
	Buckets                      []uint64
}

// Totals returns all totals, in no order.
func (s *Sums) Totals() []Total {
	var totals []Total
	for _, one := range s.streams {
		t := Total{Application: one.resource.text("service.name"), Version: one.resource.text("service.version"),
			Metric: one.name, Attributes: make(map[string]string), Sum: one.sum, Count: int64(one.count), Buckets: one.buckets}
		for _, a := range one.attributes {
			t.Attributes[a.Key] = one.attributes.text(a.Key)
		}
		if one.whole != nil {
			t.Sum += float64(*one.whole)
		}
		if one.real != nil {
			t.Sum += *one.real
		}
		totals = append(totals, t)
	}
	return totals
}

// Read adds up files. Each point counts as often as it was archived, unless once
// is true: then a resend counts once.
func Read(once bool, files ...string) (*Sums, error) {
	sums := new(Sums)
	var filter func(key) bool
	if once {
		seen := make(map[key]bool)
		filter = func(k key) bool {
			known := seen[k]
			seen[k] = true
			return !known
		}
	}
	for _, file := range files {
		if err := sums.read(file, filter); err != nil {
			return nil, err
		}
	}
	return sums, nil
}

func (s *Sums) read(file string, filter func(key) bool) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("read archive: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	switch filepath.Ext(file) {
	case gzipped:
		zip, err := gzip.NewReader(f)
		if err != nil {
			return fmt.Errorf("read archive %s: %w", file, err)
		}
		return s.readFrom(zip, filter)
	case ".jsonl":
		return s.readFrom(f, filter)
	default:
		return fmt.Errorf("read archive %s: decompress it first", file)
	}
}

func (s *Sums) readFrom(r io.Reader, filter func(key) bool) error {
	for text, err := range texts(r) {
		if err != nil {
			return err
		}
		request, ok := parse(text)
		if !ok {
			s.Unread++
			continue
		}
		s.Requests++
		s.add(request, filter)
	}
	return nil
}

// add adds a request's points that the filter wants.
func (s *Sums) add(r request, filter func(key) bool) {
	if s.streams == nil {
		s.streams = make(map[string]*stream)
	}
	for _, rm := range r.ResourceMetrics {
		kept := rm.Resource.Attributes.only(plotted...)
		id := newKey().attributes(rm.Resource.Attributes.without(receivedKey))
		for _, sm := range rm.ScopeMetrics {
			to := target{sums: s, filter: filter, resource: kept,
				scope: scope{sm.Scope.Name, sm.Scope.Version, sm.Scope.Attributes.only(kindKey)},
				id:    id.text(sm.Scope.Name).text(sm.Scope.Version).attributes(sm.Scope.Attributes)}
			for _, m := range sm.Metrics {
				to.metric(m)
			}
		}
	}
}

// target is where the points of a scope go.
type target struct {
	sums     *Sums
	filter   func(key) bool
	resource attributes
	scope    scope
	id       key
}

func (t target) metric(m metric) {
	id := t.id.text(m.Name).text(m.Unit)
	if m.Sum != nil && m.Sum.Temporality == delta {
		for _, p := range m.Sum.DataPoints {
			if !t.wanted(id.attributes(p.Attributes)) {
				continue
			}
			one := t.stream(m, p.Attributes, "sum "+strconv.FormatBool(m.Sum.Monotonic), nil)
			one.monotonic = m.Sum.Monotonic
			one.addNumber(p)
		}
	}
	if m.Histogram != nil && m.Histogram.Temporality == delta {
		for _, p := range m.Histogram.DataPoints {
			if !t.wanted(id.attributes(p.Attributes)) {
				continue
			}
			one := t.stream(m, p.Attributes, fmt.Sprint("histogram ", p.Bounds), p.Bounds)
			one.histogram = true
			one.addHistogram(p)
		}
	}
}

func (t target) wanted(id key) bool {
	if t.filter == nil || t.filter(id) {
		return true
	}
	t.sums.Resends++
	return false
}

// stream returns the stream of a point. kind tells apart what cannot be added.
func (t target) stream(m metric, a attributes, kind string, bounds []float64) *stream {
	kept := a.without(startKey, endKey)
	slices.SortFunc(kept, compareKeys)
	name, err := json.Marshal([]any{t.resource, t.scope, m.Name, m.Unit, kind, kept})
	if err != nil {
		name = []byte(kind) // raw values that were read are valid
	}
	one := t.sums.streams[string(name)]
	if one == nil {
		one = &stream{resource: t.resource, scope: t.scope, name: m.Name, unit: m.Unit, attributes: kept, bounds: bounds}
		t.sums.streams[string(name)] = one
	}
	return one
}

func (s *stream) addNumber(p number) {
	if p.Whole != nil {
		if n, err := p.Whole.Int64(); err == nil {
			if s.whole == nil {
				s.whole = new(int64)
			}
			*s.whole += n
		}
	}
	if p.Real != nil {
		if s.real == nil {
			s.real = new(float64)
		}
		*s.real += *p.Real
	}
}

func (s *stream) addHistogram(p histogram) {
	s.count += unsigned(p.Count)
	s.sum += p.Sum
	if s.buckets == nil {
		s.buckets = make([]uint64, len(p.Buckets))
	}
	for i, n := range p.Buckets[:min(len(p.Buckets), len(s.buckets))] {
		s.buckets[i] += unsigned(n)
	}
}

func unsigned(n json.Number) uint64 {
	u, err := strconv.ParseUint(n.String(), 10, 64)
	if err != nil {
		return 0 // the filters let no other number through
	}
	return u
}
