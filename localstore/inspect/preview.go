package inspect

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/urfave/cli/v3"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/exporter/hq"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/show"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/terminal"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

func (s *session) previewCommand() *cli.Command {
	var as string
	return &cli.Command{
		Name: "preview", Usage: "show exactly what the next submission would send",
		Flags: []cli.Flag{&cli.StringFlag{Name: "as", Usage: "print it in `FORMAT`: json, otlp (one request after the other, in OTLP's JSON), " +
			"or hq (the totals that the next upload to HQ sets)", Destination: &as}},
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := most(0, c); err != nil {
				return err
			}
			if as == "" && s.json {
				as = "json"
			}
			show := map[string]func(context.Context, *localstore.Store) error{
				"": s.previewForPeople, "json": s.previewJSON, "otlp": s.previewOTLP, "hq": s.previewHQ,
			}[as]
			if show == nil {
				return usageError{fmt.Errorf("--as %q: want json, otlp or hq", as)}
			}
			return s.with(ctx, func(store *localstore.Store) error { return show(ctx, store) })
		},
	}
}

func (s *session) previewJSON(ctx context.Context, store *localstore.Store) error {
	p, err := store.Preview(ctx, outbox.Request{Forwarder: outbox.Delta})
	if err != nil {
		return err
	}
	return s.Escaped(p.WriteJSON)
}

// previewOTLP and previewHQ show the forwarders' requests, made by the forwarders'
// own code.
func (s *session) previewOTLP(ctx context.Context, store *localstore.Store) error {
	return s.previewEncoded(ctx, store, outbox.Request{Forwarder: outbox.Delta}, metricdata.DeltaTemporality, otlp.EncodeJSON)
}

func (s *session) previewHQ(ctx context.Context, store *localstore.Store) error {
	return s.previewEncoded(ctx, store, outbox.Request{Forwarder: outbox.Cumulative, Merge: true}, metricdata.CumulativeTemporality, hq.Encode)
}

func (s *session) previewEncoded(ctx context.Context, store *localstore.Store, r outbox.Request, t metricdata.Temporality,
	encode func(*metricdata.ResourceMetrics) ([]byte, error)) error {
	p, err := store.Preview(ctx, r)
	if err != nil {
		return err
	}
	for _, part := range append(p.Retractions, p.Parts...) {
		body, err := encode(exporter.ResourceMetrics(part, t))
		if err != nil {
			return fmt.Errorf("preview submission: %w", err)
		}
		if err := s.PrintJSON(json.RawMessage(bytes.TrimSpace(body))); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) previewForPeople(ctx context.Context, store *localstore.Store) error {
	p, err := store.Preview(ctx, outbox.Request{Forwarder: outbox.Delta})
	if err != nil {
		return err
	}
	if len(p.Retractions) > 0 {
		s.Line("Of erased installations the destination must still hear, under the old ids:")
		for _, part := range p.Retractions {
			s.Line("")
			s.showPart(part, "")
		}
		s.Line("")
	}
	switch {
	case len(p.Parts) == 0:
		s.Line("There is nothing to send.")
	case !p.Consent.Sending:
		s.Line("Nothing is sent: %s. Otherwise this would be sent:", p.Consent.Reason)
	case p.Batch != 0:
		s.Line("A submission is in flight. This is sent, if necessary again, unchanged:")
	default:
		s.Line("The next submission would send:")
	}
	for _, part := range p.Parts {
		s.Line("")
		s.showPart(part, "")
	}
	s.Line("")
	s.Note("As of %s UTC. Counts that a running application has not recorded yet are missing.", terminal.When(p.At))
	return nil
}

// showPart shows one request, or only the points with one name.
func (s *session) showPart(p *series.Part, name string) {
	s.Title("Request of %s", terminal.Plural(int64(p.Points()), "point"))
	s.Line("  from %s to %s UTC", terminal.When(p.Start), terminal.When(p.End))
	for kv := p.Resource.Iter(); kv.Next(); {
		attribute := kv.Attribute()
		s.Line("  %s = %s", terminal.Plain(string(attribute.Key)), terminal.Plain(attribute.Value.String()))
	}
	var rows [][]string
	for _, scope := range p.Scopes {
		for _, m := range scope.Metrics {
			if name != "" && !belongs(m.Metric.Name, name) {
				continue
			}
			for _, point := range m.Points {
				rows = append(rows, []string{terminal.Plain(m.Metric.Name), show.Attributes(attributesText(point)), sent(m.Metric, point.Value), terminal.Plain(m.Metric.Unit)})
			}
		}
	}
	s.Table([]string{"METRIC", "ATTRIBUTES", "VALUE", "UNIT"}, rows)
}

func attributesText(p series.Point) string {
	text, err := p.Attributes.MarshalJSON()
	if err != nil || p.Attributes.Len() == 0 {
		return "{}"
	}
	var pairs []struct {
		Key   string
		Value struct{ Value any }
	}
	if json.Unmarshal(text, &pairs) != nil {
		return string(text)
	}
	set := make(map[string]any, len(pairs))
	for _, pair := range pairs {
		set[pair.Key] = pair.Value.Value
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(set) != nil {
		return string(text)
	}
	return string(bytes.TrimSpace(b.Bytes()))
}

// sent shows a value as it is sent: a difference, or the value of a gauge.
func sent(m series.Metric, v series.Value) string {
	switch {
	case v.Histogram() != nil:
		return fmt.Sprintf("+%d, sum %s", v.Histogram().Count, terminal.Number(v.Histogram().Sum))
	case v.Exponential() != nil:
		return fmt.Sprintf("+%d, sum %s", v.Exponential().Count, terminal.Number(v.Exponential().Sum))
	case m.Type == series.TypeGauge:
		return terminal.Value(v)
	case v.IsZero():
		return "+0"
	}
	return terminal.Signed(v)
}
