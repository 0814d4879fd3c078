package otlp

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"time"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/otlphttp"
)

const (
	// DefaultTimeout bounds one request, from dialling to the end of the answer.
	DefaultTimeout = otlphttp.DefaultTimeout

	// DefaultPath is the standard path for metrics. An endpoint URL without a
	// path gets it.
	DefaultPath = otlphttp.DefaultPath

	// DefaultEndpointURL is used if neither an option nor the environment
	// names an endpoint. It is the OTLP specification's default.
	DefaultEndpointURL = otlphttp.DefaultEndpointURL
)

// Compression is how request bodies are compressed. Its values are those of
// OTEL_EXPORTER_OTLP_COMPRESSION.
type Compression = otlphttp.Compression

// The compressions that every OTLP receiver must understand.
const (
	GzipCompression = otlphttp.GzipCompression
	NoCompression   = otlphttp.NoCompression
)

// Option configures an [Exporter]. Packages otlp and light have the same options.
type Option = otlphttp.Option

// WithEndpointURL sets the destination: scheme (http or https), host, optional port
// and path, for example https://usage.example.com/v1/metrics. A URL without a path
// gets [DefaultPath]; any other path, "/" included, is used as it is. User
// information, a query and a fragment are errors: put secrets into [WithHeaders].
//
// With this option the OTEL_EXPORTER_OTLP_* environment is ignored as a whole.
// Without it OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is used as it is, or
// OTEL_EXPORTER_OTLP_ENDPOINT with /v1/metrics appended, or
// [DefaultEndpointURL].
func WithEndpointURL(rawURL string) Option { return otlphttp.WithEndpointURL(rawURL) }

// WithHeaders sends these headers with every request, for example an API key.
// The map is copied. Names that belong to the HTTP exchange itself
// (Content-Type, Content-Length, Host, ...) are errors. Values are never logged;
// values of four bytes or more are also removed from every error text.
//
// The default is none. Where the environment is read this replaces
// OTEL_EXPORTER_OTLP_HEADERS and OTEL_EXPORTER_OTLP_METRICS_HEADERS, also if
// headers is nil or empty.
func WithHeaders(headers map[string]string) Option { return otlphttp.WithHeaders(headers) }

// WithTLSConfig sets which certificates TLS connections trust and present, for
// example those of a private certificate authority. The configuration is cloned.
// A nil configuration is an error, and so is any with an http URL.
//
// The default is the system's certificate authorities. Where the environment
// is read this replaces OTEL_EXPORTER_OTLP_CERTIFICATE,
// OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE, OTEL_EXPORTER_OTLP_CLIENT_KEY and
// their forms for metrics.
func WithTLSConfig(cfg *tls.Config) Option { return otlphttp.WithTLSConfig(cfg) }

// WithTimeout bounds each request, from dialling to the end of the answer. It must
// be positive. A context that ends sooner ends the request.
//
// The default is [DefaultTimeout]. Where the environment is read this replaces
// OTEL_EXPORTER_OTLP_TIMEOUT and OTEL_EXPORTER_OTLP_METRICS_TIMEOUT, which are
// in milliseconds.
func WithTimeout(timeout time.Duration) Option { return otlphttp.WithTimeout(timeout) }

// WithCompression sets how request bodies are compressed. An unknown compression is
// an error.
//
// The default is [GzipCompression]. Where the environment is read this
// replaces OTEL_EXPORTER_OTLP_COMPRESSION and
// OTEL_EXPORTER_OTLP_METRICS_COMPRESSION.
func WithCompression(compression Compression) Option { return otlphttp.WithCompression(compression) }

// WithProxy chooses the proxy of each request as [http.Transport.Proxy] does;
// nil connects directly.
//
// The default is [http.ProxyFromEnvironment]: HTTP_PROXY, HTTPS_PROXY and
// NO_PROXY describe the user's network and apply to every destination.
func WithProxy(proxy func(*http.Request) (*url.URL, error)) Option { return otlphttp.WithProxy(proxy) }

// WithLenientAnswers takes every 2xx answer that is not HTML for success. It is for
// a receiver that answers with text (OK) or with its own JSON
// ({"status":"success"}). The default is off: something between the application
// and the receiver may have sent such an answer, so it does not count, and the
// batch is retried. HTML never counts: it is the login page of a network. With this
// option, an error that a receiver reports under a 2xx is not noticed: the data
// counts as delivered.
func WithLenientAnswers() Option { return otlphttp.WithLenientAnswers() }
