// Package otlp forwards metrics to an OpenTelemetry Collector, or to any other
// receiver of OTLP over HTTP, and reports exactly how each attempt ended.
//
// An [Exporter] is an sdkmetric.Exporter around [otlpmetrichttp]: that package
// encodes and compresses, this one owns the connection and reads the answer.
// [Exporter.Export] sends one request, never retries it, and returns nil only if
// the destination took everything. Otherwise it returns an *outcome.Error, from
// which package exporter decides whether to keep, halve or settle a batch:
//
//	fwd, err := otlp.New(ctx, otlp.WithEndpointURL("https://usage.example.com/v1/metrics"))
//
// The Exporter asks for delta temporality for every kind of instrument.
//
// Package light, beside this one, has the same options and sends the same, without
// otlpmetrichttp, which links gRPC and adds 7 MB to a program. Use it in a
// command-line tool.
//
// # Options and environment
//
// An endpoint in code belongs to the application. The OTEL_EXPORTER_OTLP_*
// environment belongs to the user, and its headers may hold a token for another
// collector. So [WithEndpointURL] makes New ignore that environment as a whole.
// Without it New reads the environment, and options override it. Each variable has
// a form for metrics alone (OTEL_EXPORTER_OTLP_METRICS_ENDPOINT and so on), which
// overrides the general one.
//
//	option           default                              variable read without WithEndpointURL
//	WithEndpointURL  http://localhost:4318/v1/metrics     OTEL_EXPORTER_OTLP_ENDPOINT
//	WithHeaders      none                                 OTEL_EXPORTER_OTLP_HEADERS
//	WithTLSConfig    the system's certificate authorities OTEL_EXPORTER_OTLP_CERTIFICATE, _CLIENT_CERTIFICATE, _CLIENT_KEY
//	WithTimeout      10 s                                 OTEL_EXPORTER_OTLP_TIMEOUT
//	WithCompression  gzip                                 OTEL_EXPORTER_OTLP_COMPRESSION
//	WithLenientAnswers  off                               none
//	WithProxy        HTTP_PROXY, HTTPS_PROXY, NO_PROXY    these three describe the user's network and are always read
//
// Never read: OTEL_EXPORTER_OTLP_INSECURE (as specified for HTTP, the scheme of
// the URL decides), OTEL_EXPORTER_OTLP_PROTOCOL,
// OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE and
// OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION. New returns an error
// for a value that it cannot parse; otlpmetrichttp would log and ignore it.
//
// # Outcomes
//
//	answer                                                   Export returns
//	2xx, empty body                                          nil
//	2xx, application/x-protobuf                              nil, also if the body is unreadable or cut off: the data was delivered
//	2xx, JSON or untyped protobuf that is an OTLP answer     nil
//	2xx with a partial success, 0 rejected                   nil; its message is a warning and is dropped
//	2xx with a partial success, n rejected                   Partial, Rejected n
//	2xx with anything else, such as a captive portal's page  Unknown; nil WithLenientAnswers, HTML excepted
//	400, 413                                                 TooLarge
//	408, 429, 5xx                                            Transient
//	no answer: DNS, refused, TLS, lost, timeout, cancelled   Transient
//	any other status (401, 403, 404, redirects, ...)         Refused
//	cannot be encoded; nothing was sent                      TooLarge
//
// Retry-After, in seconds or as a date, is in RetryAfter for every status from
// 300 on, at most 24 h. The error of a context that ended is in the chain. Reasons
// hold no header value, no query, and at most 200 bytes of what the destination
// wrote. Redirects are not followed.
//
// An encoding failure, for example text that is not UTF-8, counts as TooLarge:
// halving finds the point that cannot be encoded, and only that one is held back.
//
// # Caveats
//
//   - otlpmetrichttp always reads the OTEL_EXPORTER_OTLP_* environment. This
//     package ignores what it reads. But otlpmetrichttp reports what it cannot
//     parse or read (a missing file, a header without "=", which it quotes) to the
//     logger of package otel, which prints to standard error unless the
//     application has called otel.SetLogger before.
//   - Each request makes its own connection, over HTTP/1.1, so that nothing a
//     destination sends at another time is printed or taken for an answer. A
//     destination that speaks only HTTP/2 cannot be reached.
//   - Exports run one at a time.
//
// [otlpmetrichttp]: https://pkg.go.dev/go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp
package otlp
