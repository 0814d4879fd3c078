package yearold

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// Run is one run of the tool. Runs have numbers, by which they use one command or
// another.
type Run struct {
	store    *localstore.Store
	exporter *exporter.Exporter
	reader   *exporter.Reader
	provider *sdkmetric.MeterProvider
	tracker  *otelusage.Tracker
	number   int
}

// Start opens the mirror at a path, as package standalone does, at a time that is the
// same until the run ends.
func Start(path string, number int, at time.Time) (*Run, error) {
	store, err := localstore.Open(path, localstore.Lazily(), localstore.WithClock(func() time.Time { return at }))
	if err != nil {
		return nil, err
	}
	exp, err := exporter.New(store, exporter.WithJournal(), exporter.WithForwarder(accepting{}), exporter.WithCheckInterval(exporter.NeverCheck),
		exporter.WithResource(resource.NewSchemaless(attribute.String("service.name", "tool"), attribute.String("service.version", version(number)))))
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	r := &Run{store: store, exporter: exp, reader: exporter.NewReader(exp), number: number}
	r.provider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.reader))
	r.tracker, err = otelusage.New(otelusage.WithMeterProvider(r.provider), otelusage.WithLedger(store))
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Count declares what the tool counts and counts some of it.
func (r *Run) Count() error {
	t, number := r.tracker, r.number
	runs, err := t.Statistic("runs", otelusage.Monotonic())
	files, err1 := t.Statistic("files", otelusage.WithUnit("{file}"))
	commands, err2 := t.Statistic("commands")
	format, err3 := t.State("format", "text")
	theme, err4 := t.State("theme", "light")
	work, err5 := t.Timer("work")
	upload, err6 := t.Timer("upload")
	setup, err7 := t.Sequence("setup", []string{"begin", "choose", "finish"})
	if err := errors.Join(err, err1, err2, err3, err4, err5, err6, err7); err != nil {
		return fmt.Errorf("declare: %w", err)
	}
	runs.Inc()
	files.Add(int64(number % 7))
	commands.With(attribute.String("command", [...]string{"build", "test", "run", "fmt", "vet"}[number*number%5])).Inc()
	work.Record(context.Background(), time.Duration(number%1000)*time.Millisecond)
	if number%3 == 0 {
		upload.Record(context.Background(), time.Duration(number%100)*time.Second)
	}
	if number%4 == 0 {
		format.Set([...]string{"text", "json", "xml"}[number/4%3])
	}
	if number%50 == 0 {
		theme.Set([...]string{"light", "dark"}[number/50%2])
	}
	if number%10 == 0 {
		for _, checkpoint := range setup.Checkpoints() {
			setup.Hit(checkpoint)
		}
	}
	return nil
}

// Record writes what was counted into the mirror.
func (r *Run) Record() error { return r.reader.Record(context.Background()) }

// Submit sends what waits.
func (r *Run) Submit() error { return r.exporter.Submit(context.Background()) }

// Close ends the run, as a program does that returns.
func (r *Run) Close() error {
	return errors.Join(r.tracker.Close(), r.provider.Shutdown(context.Background()), r.store.Close())
}

// accepting is a forwarder that accepts everything.
type accepting struct{}

func (accepting) Temporality(sdkmetric.InstrumentKind) metricdata.Temporality {
	return metricdata.DeltaTemporality
}
func (accepting) Aggregation(k sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(k)
}
func (accepting) Export(context.Context, *metricdata.ResourceMetrics) error { return nil }
func (accepting) ForceFlush(context.Context) error                          { return nil }
func (accepting) Shutdown(context.Context) error                            { return nil }
