// Command existing-app adds usage tracking to an application that has
// OpenTelemetry already: a MeterProvider with a reader, a view, a resource and
// its own instruments.
//
//	go run ./examples/existing-app
//
// It runs the application alone, with usage tracking on the same provider
// (beside.go) and with usage tracking on a provider of its own (apart.go), and
// prints what the application's reader collects, what the mirror holds and what
// is sent each time. The application's instruments are collected unchanged by
// its reader and by no other. On the shared provider its reader also collects the
// usage instruments.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/examples/internal/mirrorfile"
	"github.com/anonymoususage/anonymoususage-go/examples/internal/receiver"
	"github.com/anonymoususage/anonymoususage-go/examples/internal/table"
)

// setup runs the application with one kind of wiring, and returns what its own
// reader collects.
type setup func(ctx context.Context, file, endpoint string) (metricdata.ResourceMetrics, error)

// outcome is what was collected, recorded and sent.
type outcome struct {
	own    metricdata.ResourceMetrics // what the application's reader collected
	mirror table.Table                // every series in the mirror, by selectSeries
	sent   []receiver.Point
}

// try runs a setup with a fresh mirror and a receiver of its own.
func try(ctx context.Context, dir string, run setup) (o outcome, err error) {
	collector, err := receiver.Start()
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, collector.Close()) }()
	file := filepath.Join(dir, "usage.db")
	if o.own, err = run(ctx, file, collector.URL()); err != nil {
		return o, err
	}
	o.sent = collector.Points()
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		return o, nil // the application alone
	}
	o.mirror, err = mirrorfile.Query(ctx, file, selectSeries)
	return o, err
}

const selectSeries = `SELECT m.name, s.attributes, r.attributes,
	CASE m.type WHEN 'histogram' THEN (o.recorded ->> 'count') || ' in ' || (o.recorded ->> 'sum') || ' s'
		ELSE coalesce(o.recorded, g.value, c.state) END
	FROM series s JOIN metrics m ON m.id = s.metric_id JOIN resources r ON r.id = s.resource_id
	LEFT JOIN totals o ON o.series_id = s.id LEFT JOIN gauges g ON g.series_id = s.id
	LEFT JOIN current_states c ON c.series_id = s.id`

// tryAll returns the outcomes of the application alone, beside and apart. It
// leaves no file behind.
func tryAll(ctx context.Context) (outcomes [3]outcome, err error) {
	for i, run := range [3]setup{alone, beside, apart} {
		dir, err := os.MkdirTemp("", "existing-app-")
		if err != nil {
			return outcomes, err
		}
		outcomes[i], err = try(ctx, dir, run)
		if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
			return outcomes, err
		}
	}
	return outcomes, nil
}

func run(ctx context.Context, out io.Writer) error {
	outcomes, err := tryAll(ctx)
	if err != nil {
		return err
	}
	return report(out, outcomes)
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "existing-app:", err)
		os.Exit(1)
	}
}
