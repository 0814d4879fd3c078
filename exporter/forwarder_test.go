package exporter

import (
	"context"
	"sync"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// requester is a forwarder that shows what it was given.
type requester interface {
	sdkmetric.Exporter
	requests() []*metricdata.ResourceMetrics
}

// recordingForwarder keeps what it is given and answers as it is told.
type recordingForwarder struct {
	temporality metricdata.Temporality
	answer      func(context.Context, *metricdata.ResourceMetrics) error

	mu   sync.Mutex
	got  []*metricdata.ResourceMetrics
	down bool
}

func (f *recordingForwarder) Temporality(sdkmetric.InstrumentKind) metricdata.Temporality {
	return f.temporality
}

func (f *recordingForwarder) Aggregation(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(kind)
}

func (f *recordingForwarder) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	f.mu.Lock()
	f.got = append(f.got, rm)
	f.mu.Unlock()
	if f.answer != nil {
		return f.answer(ctx, rm)
	}
	return nil
}

func (f *recordingForwarder) requests() []*metricdata.ResourceMetrics {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*metricdata.ResourceMetrics(nil), f.got...)
}

func (f *recordingForwarder) ForceFlush(context.Context) error { return nil }

func (f *recordingForwarder) Shutdown(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = true
	return nil
}
