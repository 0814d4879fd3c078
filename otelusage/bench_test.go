package otelusage

import (
	"context"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// BenchmarkAdd compares with what it is claimed to be close to and faster than:
//
//	go test -run '^$' -bench Add -count 10 ./otelusage
func BenchmarkAdd(b *testing.B) {
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
	tracker, err := New(WithMeterProvider(provider))
	if err != nil {
		b.Fatal(err)
	}
	plain, _ := tracker.Statistic("plain")
	monotonic, _ := tracker.Statistic("monotonic", Monotonic())
	float, _ := tracker.FloatStatistic("float")
	attrs := []attribute.KeyValue{attribute.String("via", "web"), attribute.Int("version", 2)}
	bound := plain.With(attrs...)
	counter, err := provider.Meter("peer").Int64Counter("counter")
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	set := metric.WithAttributeSet(attribute.NewSet(attrs...))
	var n atomic.Int64

	b.Run("atomic", func(b *testing.B) {
		for b.Loop() {
			n.Add(1)
		}
	})
	b.Run("Statistic", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			plain.Add(1)
		}
	})
	b.Run("Statistic-Inc", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			plain.Inc()
		}
	})
	b.Run("Statistic-Dec", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			plain.Dec()
		}
	})
	b.Run("Statistic-monotonic", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			monotonic.Add(1)
		}
	})
	b.Run("FloatStatistic", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			float.Add(1)
		}
	})
	b.Run("SDK", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			counter.Add(ctx, 1)
		}
	})
	b.Run("bound-Statistic", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			bound.Add(1)
		}
	})
	b.Run("bound-SDK", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			counter.Add(ctx, 1, set)
		}
	})
}
