package hq_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/anonymoususage/anonymoususage-go/exporter/hq"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// quests is what an application counted in its lifetime.
var quests = &metricdata.ResourceMetrics{
	Resource: resource.NewSchemaless(
		attribute.String("app.installation.id", "0b6d6c47-63b3-4a8e-a4a5-0d2f9f5d4a01"),
		attribute.String("service.name", "mygame"),
		attribute.String("service.version", "1.0.0"),
	),
	ScopeMetrics: []metricdata.ScopeMetrics{{
		Scope: instrumentation.Scope{
			Name:       otelusage.ScopeName,
			Attributes: attribute.NewSet(otelusage.KindKey.String(otelusage.KindStatistic.String())),
		},
		Metrics: []metricdata.Metrics{{
			Name: "quests_complete",
			Data: metricdata.Sum[int64]{
				Temporality: metricdata.CumulativeTemporality,
				DataPoints:  []metricdata.DataPoint[int64]{{Value: 42}},
			},
		}},
	}},
}

// HQ also refuses with status 200: the text of its answer is checked.
func ExampleNew() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "Upload failed")
	}))
	defer server.Close()

	fwd, err := hq.New(hq.Config{Host: server.URL, APIKey: "not-the-right-one"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	defer func() { _ = fwd.Shutdown(ctx) }()

	err = fwd.Export(ctx, quests)
	if o, ok := errors.AsType[*outcome.Error](err); ok {
		fmt.Println(o.Class, o.Status, errors.Is(err, hq.ErrUnknownKey))
	}
	// Output: refused 200 true
}

// Encode shows what would be sent, without a server and without the key.
func ExampleEncode() {
	body, err := hq.Encode(quests)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(body))
	// Output: {"API Key":"***","User Identifier":"0b6d6c47-63b3-4a8e-a4a5-0d2f9f5d4a01","Application Name":"mygame","Application Version":"1.0.0","Data":{"quests_complete":{"type":"Statistic","description":"","data":42}}}
}
