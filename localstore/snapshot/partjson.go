package snapshot

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

type jsonPart struct {
	ID       *int64          `json:"id"`
	Batch    *int64          `json:"batch"`
	Start    moment          `json:"start"`
	End      moment          `json:"end"`
	Resource json.RawMessage `json:"resource"`
	Scopes   []jsonScope     `json:"scopes"`
}

type jsonScope struct {
	Name       string          `json:"name"`
	Version    string          `json:"version"`
	SchemaURL  string          `json:"schema_url"`
	Attributes json.RawMessage `json:"attributes"`
	Metrics    []jsonMetric    `json:"metrics"`
}

type jsonMetric struct {
	Name        string            `json:"name"`
	Unit        string            `json:"unit"`
	Description string            `json:"description"`
	Type        series.MetricType `json:"type"`
	Monotonic   bool              `json:"monotonic"`
	Points      []jsonPartPoint   `json:"points"`
}

type jsonPartPoint struct {
	Attributes json.RawMessage `json:"attributes"`
	Value      any             `json:"value"`
}

// MarshalJSON writes the part as [Preview.WriteJSON] does, with outcome,
// settled_at and rejected.
func (p SentPart) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(struct {
		Outcome   outbox.Verdict `json:"outcome"`
		SettledAt time.Time      `json:"settled_at"`
		Rejected  int64          `json:"rejected"`
		jsonPart
	}{p.Outcome, p.SettledAt, p.Rejected, jsonPartOf(p.Part)})
	return b.Bytes(), err
}

func jsonPartOf(p *series.Part) jsonPart {
	if p == nil {
		p = new(series.Part)
	}
	out := jsonPart{ID: jsonID(p.ID), Batch: jsonID(p.Batch), Start: moment(p.Start), End: moment(p.End),
		Resource: json.RawMessage(series.EncodeAttributes(p.Resource)), Scopes: make([]jsonScope, len(p.Scopes))}
	for i, s := range p.Scopes {
		out.Scopes[i] = jsonScope{Name: s.Scope.Name, Version: s.Scope.Version, SchemaURL: s.Scope.SchemaURL,
			Attributes: json.RawMessage(series.EncodeAttributes(s.Scope.Attributes)), Metrics: make([]jsonMetric, len(s.Metrics))}
		for k, m := range s.Metrics {
			out.Scopes[i].Metrics[k] = jsonMetricOf(m)
		}
	}
	return out
}

func jsonMetricOf(m series.MetricPoints) jsonMetric {
	out := jsonMetric{Name: m.Metric.Name, Unit: m.Metric.Unit, Description: m.Metric.Description,
		Type: m.Metric.Type, Monotonic: m.Metric.Monotonic, Points: make([]jsonPartPoint, len(m.Points))}
	for i, p := range m.Points {
		out.Points[i] = jsonPartPoint{json.RawMessage(series.EncodeAttributes(p.Attributes)), jsonValue(p.Value)}
	}
	return out
}
