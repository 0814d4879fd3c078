package exporter_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// An application that has a MeterProvider adds one reader to it. Without a
// forwarder nothing leaves the machine.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "usage")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	mirror, err := localstore.Open(filepath.Join(dir, "usage.db"))
	if err != nil {
		fmt.Println(err)
	}
	defer mirror.Close() // last
	exp, err := exporter.New(mirror)
	if err != nil {
		fmt.Println(err)
	}
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter.NewReader(exp)))
	defer provider.Shutdown(ctx) // second
	tracker, err := otelusage.New(otelusage.WithMeterProvider(provider), otelusage.WithLedger(mirror))
	if err != nil {
		fmt.Println(err)
	}
	defer tracker.Close() // first

	searches, err := tracker.Statistic("searches", otelusage.Monotonic())
	if err != nil {
		fmt.Println(err)
	}
	searches.Add(3)
	if err := provider.ForceFlush(ctx); err != nil { // otherwise it happens every minute
		fmt.Println(err)
	}
	snap, err := mirror.Snapshot(ctx, snapshot.Query{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range snap.Trackables {
		fmt.Println(t.Name, t.Total)
	}
	// Output:
	// searches 3
}
