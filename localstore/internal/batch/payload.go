package batch

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Payload is a part as the mirror keeps it. It holds everything that is sent,
// and for each point the series it is counted for, which is not.
type Payload struct {
	Resource json.RawMessage `json:"resource"`
	Start    int64           `json:"start"`
	End      int64           `json:"end"`
	Points   []Point         `json:"-"`
}

// Point is one point with all that identifies it.
type Point struct {
	Metric     *Metric
	Series     int64           `json:"series,omitempty"`
	Occupancy  int64           `json:"occupancy,omitempty"` // the gauge whose state it counts
	Attributes json.RawMessage `json:"attributes"`
	Value      json.RawMessage `json:"value"`
}

// Metric is a metric with its scope. Points of the same metric share one.
type Metric struct {
	ScopeName       string            `json:"scope"`
	ScopeVersion    string            `json:"version,omitempty"`
	ScopeSchemaURL  string            `json:"schema_url,omitempty"`
	ScopeAttributes json.RawMessage   `json:"scope_attributes"`
	Name            string            `json:"name"`
	Unit            string            `json:"unit,omitempty"`
	Description     string            `json:"description,omitempty"`
	Type            series.MetricType `json:"type"`
	Monotonic       bool              `json:"monotonic,omitempty"`
	Float           bool              `json:"float,omitempty"`
	Bounds          []float64         `json:"bounds,omitempty"`
}

// payloadMetric is how a metric and its points are written.
type payloadMetric struct {
	Metric
	Points []Point `json:"points"`
}

// Encode writes the payload, its points under their metrics.
func (p *Payload) Encode() (string, error) {
	var metrics []*payloadMetric
	index := make(map[*Metric]*payloadMetric)
	for _, point := range p.Points {
		m := index[point.Metric]
		if m == nil {
			m = &payloadMetric{Metric: *point.Metric}
			index[point.Metric], metrics = m, append(metrics, m)
		}
		m.Points = append(m.Points, point)
	}
	text, err := json.Marshal(struct {
		*Payload
		Metrics []*payloadMetric `json:"metrics"`
	}{p, metrics})
	return string(text), err
}

func Decode(text string) (*Payload, error) {
	p := &Payload{}
	document := struct {
		*Payload
		Metrics []*payloadMetric `json:"metrics"`
	}{Payload: p}
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		return nil, fmt.Errorf("read payload: %w: %w", series.ErrUnreadable, err)
	}
	for _, m := range document.Metrics {
		for _, point := range m.Points {
			point.Metric = &m.Metric
			p.Points = append(p.Points, point)
		}
	}
	return p, nil
}

// asMetric returns the wire metric as the rest of the package knows it.
func (w *Metric) asMetric() (series.Metric, error) {
	attributes, err := series.DecodeAttributes(string(w.ScopeAttributes))
	if err != nil {
		return series.Metric{}, err
	}
	return series.Metric{
		Scope: &series.Scope{Name: w.ScopeName, Version: w.ScopeVersion, SchemaURL: w.ScopeSchemaURL, Attributes: attributes},
		Name:  w.Name, Unit: w.Unit, Description: w.Description,
		Type: w.Type, Monotonic: w.Monotonic, Float: w.Float, Bounds: w.Bounds,
	}, nil
}

// Part turns the payload into what a sender is given. Metrics of one scope
// stand together.
func (p *Payload) Part(id, batch int64) (*series.Part, error) {
	resource, err := series.DecodeAttributes(string(p.Resource))
	if err != nil {
		return nil, err
	}
	part := &series.Part{ID: id, Batch: batch, Resource: resource,
		Start: time.Unix(0, instant.Clamp(p.Start)).UTC(), End: time.Unix(0, instant.Clamp(p.End)).UTC()}
	type scopeKey struct{ name, version, attributes string }
	scopes := make(map[scopeKey]int)
	metrics := make(map[*Metric]*series.MetricPoints)
	for _, point := range p.Points {
		w := point.Metric
		mp := metrics[w]
		if mp == nil {
			m, err := w.asMetric()
			if err != nil {
				return nil, err
			}
			key := scopeKey{w.ScopeName, w.ScopeVersion, string(w.ScopeAttributes)}
			at, ok := scopes[key]
			if !ok {
				at = len(part.Scopes)
				scopes[key], part.Scopes = at, append(part.Scopes, series.ScopePoints{Scope: *m.Scope})
			}
			part.Scopes[at].Metrics = append(part.Scopes[at].Metrics, series.MetricPoints{Metric: m})
			// Appending moves the slice: the pointers are taken anew.
			mp = &part.Scopes[at].Metrics[len(part.Scopes[at].Metrics)-1]
		}
		attributes, err := series.DecodeAttributes(string(point.Attributes))
		if err != nil {
			return nil, err
		}
		value, err := mp.Metric.ParseJSON(point.Value)
		if err != nil {
			return nil, err
		}
		mp.Points = append(mp.Points, series.Point{Attributes: attributes, Value: value})
		metrics[w] = mp
	}
	return part, nil
}

// Halves splits the payload by points; both keep the interval.
func (p *Payload) Halves() (*Payload, *Payload) {
	middle := len(p.Points) / 2
	first, second := *p, *p
	first.Points, second.Points = p.Points[:middle], p.Points[middle:]
	return &first, &second
}

func PartOf(text string, id, batch int64) (*series.Part, error) {
	p, err := Decode(text)
	if err != nil {
		return nil, err
	}
	return p.Part(id, batch)
}

// Rotate changes which points the halves begin with.
func (p *Payload) Rotate(attempt int64) {
	n := int64(len(p.Points))
	at := attempt * (n/7 + 1) % n
	p.Points = slices.Concat(p.Points[at:], p.Points[:at])
}
