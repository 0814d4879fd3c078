package otlp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

// The error says whether the data was refused or can be sent again later.
func ExampleNew() {
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "30")
		http.Error(w, "come back later", http.StatusServiceUnavailable)
	}))
	defer collector.Close()

	ctx := context.Background()
	fwd, err := otlp.New(ctx,
		otlp.WithEndpointURL(collector.URL),
		otlp.WithHeaders(map[string]string{"X-Api-Key": "secret"}),
		otlp.WithTimeout(5*time.Second),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = fwd.Shutdown(ctx) }()

	err = fwd.Export(ctx, &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{{
		Metrics: []metricdata.Metrics{{
			Name: "quests_complete",
			Data: metricdata.Sum[int64]{
				Temporality: metricdata.DeltaTemporality,
				IsMonotonic: true,
				DataPoints:  []metricdata.DataPoint[int64]{{Value: 2}},
			},
		}},
	}}})

	var o *outcome.Error
	if errors.As(err, &o) {
		fmt.Println(o.Class, o.Status, o.RetryAfter)
	}
	// Output: transient 503 30s
}

// An Exporter is an ordinary exporter of the SDK, and asks for deltas.
func ExampleExporter() {
	fwd, err := otlp.New(context.Background(), otlp.WithEndpointURL("https://usage.example.com"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(fwd.Temporality(sdkmetric.InstrumentKindObservableUpDownCounter))
	// Output: DeltaTemporality
}
