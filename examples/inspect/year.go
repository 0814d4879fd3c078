package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

const (
	daysOfUse = 365
	dayLength = 24 * time.Hour
)

// makeYear fills a fresh mirror with a year of use that ends yesterday. It
// counts like an application, except that the mirror has another clock.
func makeYear(ctx context.Context, file, url string, now time.Time) (err error) {
	forwarder, err := otlp.New(ctx, otlp.WithEndpointURL(url))
	if err != nil {
		return err
	}
	var at atomic.Int64 // the day; submissions read it in their own goroutine
	dayOf := func(day int64) time.Time { return now.Add(time.Duration(day-daysOfUse) * dayLength) }
	mirror, err := localstore.Open(file, localstore.WithClock(func() time.Time { return dayOf(at.Load()) }))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, mirror.Close()) }()
	exp, err := exporter.New(mirror, exporter.WithForwarder(forwarder), exporter.WithSubmitInterval(dayLength),
		exporter.WithResource(resource.NewSchemaless(semconv.ServiceName(name), semconv.ServiceVersion(version))))
	if err != nil {
		return err
	}
	reader := exporter.NewReader(exp)
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	defer func() { err = errors.Join(err, provider.Shutdown(ctx)) }()
	tracker, err := otelusage.New(otelusage.WithMeterProvider(provider), otelusage.WithLedger(mirror))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tracker.Close()) }()

	app := declare(tracker)
	random := rand.New(rand.NewPCG(3, 14)) // the same year every time
	for day := range int64(daysOfUse) {
		at.Store(day)
		weekday := dayOf(day).Weekday()
		if weekend := weekday == time.Saturday || weekday == time.Sunday; weekend && random.Float64() < 0.6 {
			continue
		}
		app.work(ctx, random, 1)
		if err := reader.Record(ctx); err != nil {
			return fmt.Errorf("record day %d: %w", day, err)
		}
		if day%14 == 0 {
			if err := exp.Submit(ctx); err != nil {
				return fmt.Errorf("submit day %d: %w", day, err)
			}
		}
	}
	return nil
}
