package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/prometheus"
)

// settle is long enough for a rate: more than two scrapes.
const settle = 5 * time.Second

// panels prints a table of the dashboard's queries and results.
func panels(ctx context.Context, out io.Writer, o options, s *prometheus.Server) error {
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return ctx.Err()
	}
	list, err := prometheus.Panels(filepath.Join(o.dir, "grafana", "usage.json"),
		map[string]string{"application": ".+", "counter": "searches_total", "k": "10"})
	if err != nil {
		return err
	}
	fmt.Fprint(out, "\n| panel | query | result |\n| --- | --- | --- |\n")
	for _, p := range list {
		for _, expr := range p.Exprs {
			values, err := s.Query(ctx, expr)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "| %s | `%s` | %s |\n", p.Title, strings.ReplaceAll(expr, "|", `\|`), summary(values))
		}
	}
	return nil
}

// summary returns a result as one line, the last ones first if there are many.
func summary(values []prometheus.Value) string {
	const most = 4
	texts := make([]string, len(values))
	for i, v := range values {
		var labels []string
		for _, name := range slices.Sorted(maps.Keys(v.Labels)) {
			labels = append(labels, v.Labels[name])
		}
		texts[i] = strings.TrimSpace(strings.Join(labels, " ") + " " + strconv.FormatFloat(v.Value, 'g', 6, 64))
	}
	slices.Sort(texts)
	slices.Reverse(texts)
	if len(texts) > most {
		return fmt.Sprintf("%s, and %d more", strings.Join(texts[:most], "; "), len(texts)-most)
	}
	return strings.Join(texts, "; ")
}
