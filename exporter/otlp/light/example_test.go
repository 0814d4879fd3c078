package light_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/otlp/light"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

// A command-line tool forwards without linking gRPC.
func ExampleNew() {
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("Content-Encoding"))
		w.Header().Set("Retry-After", "30")
		http.Error(w, "come back later", http.StatusServiceUnavailable)
	}))
	defer collector.Close()

	ctx := context.Background()
	fwd, err := light.New(ctx, light.WithEndpointURL(collector.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = fwd.Shutdown(ctx) }()

	err = fwd.Export(ctx, &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{{
		Metrics: []metricdata.Metrics{{Name: "runs", Data: metricdata.Sum[int64]{
			Temporality: metricdata.DeltaTemporality,
			DataPoints:  []metricdata.DataPoint[int64]{{Value: 1}},
		}}},
	}}})
	if o, ok := errors.AsType[*outcome.Error](err); ok {
		fmt.Println(o.Class, o.Status, o.RetryAfter)
	}
	// Output:
	// /v1/metrics application/x-protobuf gzip
	// transient 503 30s
}
