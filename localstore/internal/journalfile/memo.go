package journalfile

import (
	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Memo remembers identities from one file to the next: the journals of a program's
// runs have the same ones. It is not for concurrent use.
type Memo struct {
	resources map[string]*series.Resource
	metrics   map[string]*series.Metric
	sets      map[string]attribute.Set
}

func (m *Memo) resource(payload []byte) (*series.Resource, bool) {
	if r := m.resources[string(payload)]; r != nil {
		return r, true
	}
	r, ok := decodeResource(payload, m)
	if !ok {
		return nil, false
	}
	if m.resources == nil {
		m.resources = make(map[string]*series.Resource)
	}
	m.resources[string(payload)] = r
	return r, true
}

func (m *Memo) metric(payload []byte) (*series.Metric, bool) {
	if known := m.metrics[string(payload)]; known != nil {
		return known, true
	}
	read, ok := decodeMetric(payload, m)
	if !ok {
		return nil, false
	}
	if m.metrics == nil {
		m.metrics = make(map[string]*series.Metric)
	}
	m.metrics[string(payload)] = read
	return read, true
}

func (m *Memo) set(text string) (attribute.Set, error) {
	if set, ok := m.sets[text]; ok {
		return set, nil
	}
	set, err := series.DecodeAttributes(text)
	if err != nil {
		return set, err
	}
	if m.sets == nil {
		m.sets = make(map[string]attribute.Set)
	}
	m.sets[text] = set
	return set, nil
}
