// Command api links the API of OpenTelemetry with its globals, and starts nothing.
package main

import (
	"context"
	"os"

	"go.opentelemetry.io/otel"
)

func main() {
	if len(os.Args) == 0 { // as never, which the linker does not know
		counter, _ := otel.Meter("").Int64Counter("")
		counter.Add(context.Background(), 1)
		otel.Handle(nil)
	}
}
