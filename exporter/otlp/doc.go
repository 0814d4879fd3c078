// Package otlp forwards metrics to an OpenTelemetry Collector, or to anything
// else that takes OTLP over HTTP, and says exactly how each attempt ended.
//
// An [Exporter] is an sdkmetric.Exporter around [otlpmetrichttp]: that package
// encodes and compresses, this one owns the connection and reads the answer.
// [Exporter.Export] sends one request, never repeats it, and returns nil only
// where the destination took everything. Any other end is a [*outcome.Error],
// from which package exporter decides whether to keep, halve or settle a batch:
//
//	fwd, err := otlp.New(ctx, otlp.WithEndpointURL("https://usage.example.com/v1/metrics"))
//
// Every instrument kind is asked for as delta.
//
// # Options and environment
//
// An endpoint named in code belongs to the application, the
// OTEL_EXPORTER_OTLP_* environment to the user, whose headers may hold a token
// for somebody else's collector. With [WithEndpointURL] that environment is
// therefore ignored as a whole. Without it, a bare New(ctx) reads it; options
// that are given still win. Each variable has a form for metrics alone
// (OTEL_EXPORTER_OTLP_METRICS_ENDPOINT and so on), which wins over the general
// one.
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
// Never read: OTEL_EXPORTER_OTLP_INSECURE (the scheme of the URL says it, as
// the specification has it for HTTP), OTEL_EXPORTER_OTLP_PROTOCOL,
// OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE and
// OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION. A value that cannot
// be understood is an error of New, where otlpmetrichttp logs it and goes on.
//
// # Outcomes
//
//	answer                                                   Export returns
//	2xx, empty body                                          nil
//	2xx, application/x-protobuf                              nil, also when the body is unreadable or cut off: it was delivered
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
// 300 on, at most 24 h. A context that ended is in the error's chain. Reasons
// hold no header value, no query and at most 200 bytes of what the destination
// wrote. Redirects are not followed.
//
// An encoding failure (text that is no UTF-8, for one) counts as TooLarge
// because halving finds the point that is at fault, so that it alone is held
// back.
//
// # Caveats
//
//   - otlpmetrichttp looks at the OTEL_EXPORTER_OTLP_* environment whatever it
//     is given. Nothing of it is used, but what it cannot parse or read (a file
//     that is missing, a header without "=", which it quotes) it reports to the
//     logger of package otel, which prints to standard error unless the
//     application has called otel.SetLogger before.
//   - Each request makes a connection of its own, over HTTP/1.1, so that nothing
//     a destination says at another time is printed or taken for an answer. One
//     that speaks HTTP/2 alone is not reached.
//   - Exports go one after another.
//
// [otlpmetrichttp]: https://pkg.go.dev/go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp
package otlp
