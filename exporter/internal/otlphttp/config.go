package otlphttp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// DefaultTimeout bounds one request, from dialling to the end of the answer.
	DefaultTimeout = 10 * time.Second

	// DefaultPath is the standard path for metrics. An endpoint URL without a
	// path gets it.
	DefaultPath = "/v1/metrics"

	// DefaultEndpointURL is used if neither an option nor the environment
	// names an endpoint. It is the OTLP specification's default.
	DefaultEndpointURL = "http://localhost:4318" + DefaultPath
)

// Compression is how request bodies are compressed. Its values are those of
// OTEL_EXPORTER_OTLP_COMPRESSION.
type Compression string

// The compressions that every OTLP receiver must understand.
const (
	GzipCompression Compression = "gzip"
	NoCompression   Compression = "none"
)

// Option configures an [Exporter]. Only this package makes options.
type Option interface {
	apply(config) (config, error)
}

type optionFunc func(config) (config, error)

func (f optionFunc) apply(c config) (config, error) { return f(c) }

// config is what options say; nil and zero fields were not given.
type config struct {
	endpoint    *url.URL
	headers     http.Header
	tls         *tls.Config
	timeout     time.Duration
	compression Compression
	lenient     bool
	proxy       func(*http.Request) (*url.URL, error)
}

// WithEndpointURL sets the destination. A URL without a path gets [DefaultPath].
// The environment is not read then.
func WithEndpointURL(rawURL string) Option {
	return optionFunc(func(c config) (config, error) {
		u, err := parseEndpoint(rawURL)
		if err != nil {
			return c, fmt.Errorf("WithEndpointURL: %w", err)
		}
		if u.Path == "" {
			u.Path = DefaultPath
		}
		c.endpoint = u
		return c, nil
	})
}

// WithHeaders sends these headers with every request.
func WithHeaders(headers map[string]string) Option {
	headers = maps.Clone(headers)
	return optionFunc(func(c config) (config, error) {
		h, err := checkedHeaders(headers)
		if err != nil {
			return c, fmt.Errorf("WithHeaders: %w", err)
		}
		c.headers = h
		return c, nil
	})
}

// WithTLSConfig sets which certificates TLS connections trust and present.
func WithTLSConfig(cfg *tls.Config) Option {
	return optionFunc(func(c config) (config, error) {
		if cfg == nil {
			return c, errors.New("WithTLSConfig: the configuration is nil")
		}
		c.tls = cfg.Clone()
		return c, nil
	})
}

// WithTimeout bounds each request, from dialling to the end of the answer.
func WithTimeout(timeout time.Duration) Option {
	return optionFunc(func(c config) (config, error) {
		if timeout <= 0 {
			return c, fmt.Errorf("WithTimeout: %v is not positive", timeout)
		}
		c.timeout = timeout
		return c, nil
	})
}

// WithCompression sets how request bodies are compressed.
func WithCompression(compression Compression) Option {
	return optionFunc(func(c config) (config, error) {
		if err := compression.check(); err != nil {
			return c, fmt.Errorf("WithCompression: %w", err)
		}
		c.compression = compression
		return c, nil
	})
}

// WithProxy chooses the proxy of each request; nil connects directly.
func WithProxy(proxy func(*http.Request) (*url.URL, error)) Option {
	return optionFunc(func(c config) (config, error) {
		c.proxy = proxy
		return c, nil
	})
}

// WithLenientAnswers takes every 2xx answer that is not HTML for success.
func WithLenientAnswers() Option {
	return optionFunc(func(c config) (config, error) {
		c.lenient = true
		return c, nil
	})
}

// newConfig applies opts, reads the environment getenv where no endpoint is
// named, fills in defaults and checks the whole. All errors are reported.
func newConfig(opts []Option, getenv func(string) string) (config, error) {
	c := config{proxy: http.ProxyFromEnvironment}
	var errs []error
	for i, o := range opts {
		if o == nil {
			errs = append(errs, fmt.Errorf("option %d is nil", i+1))
			continue
		}
		var err error
		if c, err = o.apply(c); err != nil {
			errs = append(errs, err)
		}
	}
	// An endpoint that was named but is wrong must not fall back to the
	// user's environment, so errors end it here.
	if err := errors.Join(errs...); err != nil {
		return config{}, err
	}
	if c.endpoint != nil && c.endpoint.Scheme == "http" && c.tls != nil {
		return config{}, errors.New("WithTLSConfig: the endpoint URL is http, which has no TLS")
	}
	if c.endpoint == nil {
		var err error
		if c, err = c.withEnvironment(getenv); err != nil {
			return config{}, fmt.Errorf("read environment: %w", err)
		}
	}
	if c.timeout == 0 {
		c.timeout = DefaultTimeout
	}
	if c.compression == "" {
		c.compression = GzipCompression
	}
	return c, nil
}

func (c Compression) check() error {
	switch c {
	case GzipCompression, NoCompression:
		return nil
	}
	return fmt.Errorf("%q is neither %q nor %q", string(c), string(GzipCompression), string(NoCompression))
}

// parseEndpoint parses and checks an endpoint URL. Its errors do not quote the
// URL: what does not belong in it may be a password.
func parseEndpoint(rawURL string) (*url.URL, error) {
	u, err := url.Parse(rawURL)
	if err != nil { // its text quotes parts of the URL
		return nil, errors.New("it is no valid URL, want http(s)://host[:port][/path]")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the URL must begin with http:// or https://")
	case u.Hostname() == "":
		return nil, errors.New("the URL names no host")
	case u.User != nil:
		return nil, errors.New("the URL holds user information; send credentials with WithHeaders")
	case u.RawQuery != "" || u.ForceQuery:
		return nil, errors.New("the URL holds a query; send keys with WithHeaders")
	case u.Fragment != "":
		return nil, errors.New("the URL holds a fragment")
	case strings.HasSuffix(u.Host, ":"):
		return nil, errors.New("the port is empty")
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
			return nil, errors.New("the port is not between 1 and 65535")
		}
	}
	return u, nil
}
