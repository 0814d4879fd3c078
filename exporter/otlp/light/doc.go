// Package light forwards metrics to an OpenTelemetry Collector as package otlp
// does, in a program that stays small: it links neither gRPC nor protobuf, which
// add 7 MB to a program and some time to each of its starts. For a server that
// hardly matters; for a command-line tool it does.
//
//	fwd, err := light.New(ctx, light.WithEndpointURL("https://usage.example.com/v1/metrics"))
//
// Options, environment, outcomes and what is sent are those of package otlp, whose
// documentation holds here too: the bodies are equal to the byte. To change from
// one to the other, change the import; the options of one are the options of the
// other.
//
// What differs:
//
//   - Package otlp encodes with OpenTelemetry's own otlpmetrichttp, this one with
//     code of its own that knows metrics alone.
//   - A compressed request has a Content-Length here, and is chunked there. The
//     User-Agent is that of the package.
//   - Nothing but this package reads the OTEL_EXPORTER_OTLP_* environment, so
//     nothing is reported to the logger of package otel.
//   - There is no EncodeJSON.
package light
