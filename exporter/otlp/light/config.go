package light

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
// Without it the environment names what no option does, or [DefaultEndpointURL].
func WithEndpointURL(rawURL string) Option { return otlphttp.WithEndpointURL(rawURL) }

// WithHeaders sends these headers with every request, for example an API key, by
// default none. The map is copied. Names that belong to the HTTP exchange itself
// are errors. Values are never logged; those of four bytes or more are also removed from every
// error text.
func WithHeaders(headers map[string]string) Option { return otlphttp.WithHeaders(headers) }

// WithTLSConfig sets which certificates TLS connections trust and present, by
// default those of the system. The configuration is cloned. A nil configuration is
// an error, and so is any with an http URL.
func WithTLSConfig(cfg *tls.Config) Option { return otlphttp.WithTLSConfig(cfg) }

// WithTimeout bounds each request, from dialling to the end of the answer, by
// default to [DefaultTimeout]. It must be positive.
func WithTimeout(timeout time.Duration) Option { return otlphttp.WithTimeout(timeout) }

// WithCompression sets how request bodies are compressed, by default
// [GzipCompression]. An unknown compression is an error.
func WithCompression(compression Compression) Option { return otlphttp.WithCompression(compression) }

// WithProxy chooses the proxy of each request as [http.Transport.Proxy] does;
// nil connects directly. The default is [http.ProxyFromEnvironment].
func WithProxy(proxy func(*http.Request) (*url.URL, error)) Option { return otlphttp.WithProxy(proxy) }

// WithLenientAnswers takes every 2xx answer that is not HTML for success, as a
// receiver needs that answers with text or with its own JSON. The default is off.
// With this option, an error that a receiver reports under a 2xx is not noticed.
func WithLenientAnswers() Option { return otlphttp.WithLenientAnswers() }
