// Package otlphttp is what the forwarders that send OTLP over HTTP have in common:
// options and environment, the exchange over a connection of its own, and what an
// answer means. They differ in the [Client] that encodes: exporter/otlp uses
// otlpmetrichttp, exporter/otlp/light package otlpbody. Their documentation is in
// those packages.
package otlphttp
