package deaths

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// startOnDay is start some days from now: what standalone makes, on another clock.
func (p program) startOnDay() (closeIt func() error, k *tracked) {
	say := func(err error) {
		if err != nil {
			fmt.Println("error", err)
		}
	}
	ctx := context.Background()
	store, err := localstore.Open(p.Mirror, localstore.Lazily(), localstore.WithErrorHandler(say), localstore.WithBusyTimeout(time.Second),
		localstore.WithClock(func() time.Time { return time.Now().AddDate(0, 0, p.Day) }))
	say(err)
	forwarder, err := otlp.New(ctx, otlp.WithEndpointURL(p.URL))
	say(err)
	about := resource.NewSchemaless(semconv.ServiceName("game"))
	exp, err := exporter.New(store, exporter.WithForwarder(forwarder), exporter.WithSubmitInterval(time.Second), exporter.WithJournal(),
		exporter.WithResource(about), exporter.WithErrorHandler(say))
	say(err)
	provider := metric.NewMeterProvider(metric.WithReader(exporter.NewReader(exp)), metric.WithResource(about))
	tracker := new(otelusage.Tracker)
	say(tracker.Attach(otelusage.WithMeterProvider(provider), otelusage.WithLedger(store), otelusage.WithErrorHandler(say)))
	k, err = declare(tracker)
	say(err)
	return func() error { return errors.Join(tracker.Close(), provider.Shutdown(ctx), store.Close()) }, k
}
