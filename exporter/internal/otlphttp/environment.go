package otlphttp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
)

const (
	envPrefix        = "OTEL_EXPORTER_OTLP_"
	envMetricsPrefix = "OTEL_EXPORTER_OTLP_METRICS_"
)

// environment reads the variables of the OTLP exporter specification,
// https://opentelemetry.io/docs/specs/otel/protocol/exporter/. Its errors name
// variables and never quote values.
type environment struct {
	getenv func(string) string
}

// lookup returns the variable for metrics alone, else the general one, and the
// name of the one that is set. An empty variable counts as unset.
func (e environment) lookup(key string) (name, value string) {
	for _, prefix := range []string{envMetricsPrefix, envPrefix} {
		if v := strings.TrimSpace(e.getenv(prefix + key)); v != "" {
			return prefix + key, v
		}
	}
	return "", ""
}

// withEnvironment fills every field that no option has set.
func (c config) withEnvironment(getenv func(string) string) (config, error) {
	env := environment{getenv: getenv}
	var errs []error
	fail := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}

	var err error
	c.endpoint, err = env.endpoint()
	fail(err)
	if c.headers == nil {
		c.headers, err = env.headers()
		fail(err)
	}
	if c.tls == nil {
		c.tls, err = env.tls()
		fail(err)
	}
	if c.timeout == 0 {
		c.timeout, err = env.timeout()
		fail(err)
	}
	if c.compression == "" {
		if name, v := env.lookup("COMPRESSION"); name != "" {
			c.compression = Compression(strings.ToLower(v))
			if c.compression.check() != nil {
				fail(fmt.Errorf("%s: neither gzip nor none", name))
			}
		}
	}
	return c, errors.Join(errs...)
}

func (e environment) endpoint() (*url.URL, error) {
	name, v := e.lookup("ENDPOINT")
	if name == "" {
		v = DefaultEndpointURL
	}
	u, err := parseEndpoint(v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	switch name {
	case envPrefix + "ENDPOINT":
		// A base URL, to which each signal appends its own path.
		u.Path, u.RawPath = path.Join("/", u.Path, DefaultPath), ""
	case envMetricsPrefix + "ENDPOINT":
		// Used as it is; without a path it is the root, by the specification.
		if u.Path == "" {
			u.Path = "/"
		}
	}
	return u, nil
}

// headers reads "k1=v1,k2=v2" with percent-encoded values. Names that belong
// to the exchange are left out rather than refused: the variable is shared by
// every exporter of the user.
func (e environment) headers() (http.Header, error) {
	name, v := e.lookup("HEADERS")
	pairs := make(map[string]string)
	for pair := range strings.SplitSeq(v, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		key, value, found := strings.Cut(pair, "=")
		if !found {
			return nil, fmt.Errorf("%s: an entry has no =", name)
		}
		value, err := url.PathUnescape(value)
		if err != nil {
			return nil, fmt.Errorf("%s: a value is not percent-encoded", name)
		}
		key = http.CanonicalHeaderKey(strings.TrimSpace(key))
		if !reservedHeaders[key] {
			pairs[key] = strings.TrimSpace(value)
		}
	}
	h, err := checkedHeaders(pairs)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return h, nil
}

func (e environment) timeout() (time.Duration, error) {
	name, v := e.lookup("TIMEOUT")
	if name == "" {
		return 0, nil
	}
	const most = int64(1<<63-1) / int64(time.Millisecond)
	ms, err := strconv.ParseInt(v, 10, 64)
	if err != nil || ms <= 0 || ms > most {
		return 0, fmt.Errorf("%s: not a positive number of milliseconds", name)
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// tls returns nil where the environment says nothing about TLS.
func (e environment) tls() (*tls.Config, error) {
	var cfg tls.Config
	var given bool
	if name, file := e.lookup("CERTIFICATE"); name != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: the file holds no PEM certificate", name)
		}
		given = true
	}
	// A certificate and its key are a pair, so both come from one prefix.
	for _, prefix := range []string{envMetricsPrefix, envPrefix} {
		cert := strings.TrimSpace(e.getenv(prefix + "CLIENT_CERTIFICATE"))
		key := strings.TrimSpace(e.getenv(prefix + "CLIENT_KEY"))
		if cert == "" || key == "" {
			continue
		}
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("%sCLIENT_CERTIFICATE and _KEY: %w", prefix, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
		given = true
		break
	}
	if !given {
		return nil, nil
	}
	return &cfg, nil
}
