package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/drawing"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/prometheus"
)

// settle is long enough for a rate: more than two scrapes.
const settle = 5 * time.Second

// shownTime is how much of the past is drawn.
const shownTime = 2 * time.Minute

// panels prints a table of the dashboard's queries and results.
func panels(ctx context.Context, out io.Writer, o options, s *prometheus.Server) error {
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return ctx.Err()
	}
	list, err := dashboard(o)
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

func dashboard(o options) ([]prometheus.Panel, error) {
	return prometheus.Panels(filepath.Join(o.dir, "grafana", "usage.json"),
		map[string]string{"application": ".+", "counter": "searches_total", "k": "10"})
}

// draw draws the dashboard over the time of the simulation.
func draw(ctx context.Context, o options, s *prometheus.Server) error {
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return ctx.Err()
	}
	list, err := dashboard(o)
	if err != nil {
		return err
	}
	var picture drawing.Picture
	now := time.Now()
	for _, p := range list {
		results, err := s.Results(ctx, p, now.Add(-shownTime), now, time.Second)
		if err != nil {
			return err
		}
		if err := picture.Add(p, results); err != nil {
			return err
		}
	}
	return os.WriteFile(o.draw, []byte(picture.SVG()), 0o600)
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
