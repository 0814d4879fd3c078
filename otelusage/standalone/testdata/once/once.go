// Package once is what the programs beside it have in common.
package once

import (
	"context"
	"fmt"
	"os"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

// Count starts usage tracking on the mirror that the program's argument names,
// counts once and closes.
func Count(forwarder sdkmetric.Exporter, err error) {
	if err == nil {
		err = count(forwarder)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func count(forwarder sdkmetric.Exporter) error {
	usage, err := standalone.Start(context.Background(), standalone.Config{
		FilePath: os.Args[1], ApplicationName: "tool", Forwarder: forwarder,
	})
	if err != nil {
		return err
	}
	runs, err := usage.Tracker().Statistic("runs")
	if err != nil {
		return err
	}
	runs.Inc()
	return usage.Close()
}
