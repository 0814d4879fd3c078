package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/examples/internal/table"
)

// values are the texts shown of a reader, a mirror or a receiver, by series.
type values map[string]string

func report(out io.Writer, outcomes [3]outcome) error {
	var own, mirrored, sent [3]values
	for i, o := range outcomes {
		own[i], mirrored[i], sent[i] = o.collected(), o.mirrored(), o.received()
	}
	for _, part := range []struct {
		title string
		of    [3]values
	}{
		{"The application's own reader: its instruments are unchanged; a shared provider adds the usage instruments", own},
		{"The mirror: only usage", mirrored},
		{"Sent: only usage", sent},
	} {
		fmt.Fprintln(out, part.title)
		if err := compare(part.of).Print(out); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintln(out, "Resources: usage is recorded without identifying attributes")
	resources := &table.Table{Header: []string{"of", "attributes"}}
	resources.Add("the application", outcomes[1].own.Resource.Encoded(attribute.DefaultEncoder()))
	resources.Add("usage, one provider", strings.Join(outcomes[1].resources(), "; "))
	resources.Add("usage, a provider of its own", strings.Join(outcomes[2].resources(), "; "))
	return resources.Print(out)
}

// compare returns a table with a column for each outcome.
func compare(of [3]values) *table.Table {
	t := &table.Table{Header: []string{"series", "alone", "one provider", "a provider of its own"}}
	var names []string
	for _, v := range of {
		for name := range v {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		row := []string{name}
		for _, v := range of {
			if text, ok := v[name]; ok {
				row = append(row, text)
			} else {
				row = append(row, "-")
			}
		}
		t.Add(row...)
	}
	return t
}

// collected returns what the application's reader collected.
func (o outcome) collected() values {
	v := make(values)
	for _, scope := range o.own.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					v[series(m.Name, p.Attributes)] = fmt.Sprint(p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					v[series(m.Name, p.Attributes)] = fmt.Sprint(p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					v[series(m.Name, p.Attributes)] = fmt.Sprintf("%d in %g s", p.Count, p.Sum)
				}
			}
		}
	}
	return v
}

func series(metric string, attributes attribute.Set) string {
	if attributes.Len() == 0 {
		return metric
	}
	return metric + "{" + attributes.Encoded(attribute.DefaultEncoder()) + "}"
}

func (o outcome) mirrored() values {
	v := make(values)
	for _, row := range o.mirror.Rows {
		v[row[0]+strings.TrimSuffix(row[1], "{}")] = row[3]
	}
	return v
}

func (o outcome) received() values {
	v := make(values)
	for _, p := range o.sent {
		name := p.Metric
		if p.Attributes != "" {
			name += "{" + p.Attributes + "}"
		}
		v[name] = p.Value()
	}
	return v
}

// resources returns the resources of the mirror's series.
func (o outcome) resources() []string {
	var list []string
	for _, row := range o.mirror.Rows {
		list = append(list, row[2])
	}
	slices.Sort(list)
	return slices.Compact(list)
}
