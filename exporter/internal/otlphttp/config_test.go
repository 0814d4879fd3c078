package otlphttp

import (
	"crypto/tls"
	"os"
	"testing"
	"time"
)

func TestEndpointURLs(t *testing.T) {
	for in, want := range map[string]string{
		"http://h":                        "http://h/v1/metrics",
		"https://h:4318":                  "https://h:4318/v1/metrics",
		"https://h/":                      "https://h/",
		"https://h/otlp%2Fx/v1/metrics":   "https://h/otlp%2Fx/v1/metrics",
		"http://[::1]:4318/v1/metrics":    "http://[::1]:4318/v1/metrics",
		"HTTP://H:65535/collector/v1/mét": "http://H:65535/collector/v1/m%C3%A9t",
	} {
		cfg, err := newConfig([]Option{WithEndpointURL(in)}, os.Getenv)
		if err != nil {
			t.Fatal(err)
		}
		if got := cfg.endpoint.String(); got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
}

func TestAZoneStaysInTheHost(t *testing.T) {
	cfg, err := newConfig([]Option{WithEndpointURL("http://[::1%25lo]:4318")}, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.endpoint.Host; got != "[::1%lo]:4318" {
		t.Errorf("the host is %q", got)
	}
}

// An endpoint of the application's takes nothing from the environment, and an
// option wins over it.
func TestTimeoutsAndEndpoints(t *testing.T) {
	named := WithEndpointURL("https://h/v1/metrics")
	for _, tt := range []struct {
		name     string
		env      map[string]string
		opts     []Option
		endpoint string
		timeout  time.Duration
	}{
		{"nothing", nil, nil, DefaultEndpointURL, DefaultTimeout},
		{"a named endpoint", map[string]string{"OTEL_EXPORTER_OTLP_TIMEOUT": "1", "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "1", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://other"},
			[]Option{named}, "https://h/v1/metrics", DefaultTimeout},
		{"a named endpoint, an environment that cannot be read", map[string]string{"OTEL_EXPORTER_OTLP_TIMEOUT": "soon", "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "soon"},
			[]Option{named}, "https://h/v1/metrics", DefaultTimeout},
		{"the environment", map[string]string{"OTEL_EXPORTER_OTLP_TIMEOUT": "1500", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://other/base"},
			nil, "http://other/base/v1/metrics", 1500 * time.Millisecond},
		{"the form for metrics", map[string]string{"OTEL_EXPORTER_OTLP_TIMEOUT": "1500", "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "2000", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://other"},
			nil, "http://other/", 2 * time.Second},
		{"an option", map[string]string{"OTEL_EXPORTER_OTLP_TIMEOUT": "1500", "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "2000"},
			[]Option{WithTimeout(time.Second)}, DefaultEndpointURL, time.Second},
	} {
		cfg, err := newConfig(tt.opts, func(key string) string { return tt.env[key] })
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if cfg.endpoint.String() != tt.endpoint || cfg.timeout != tt.timeout {
			t.Errorf("%s: got %v, %v", tt.name, cfg.endpoint, cfg.timeout)
		}
	}
}

func TestOptionsKeepNothingOfTheCallers(t *testing.T) {
	h, c := map[string]string{"Key": "before"}, &tls.Config{ServerName: "before"}
	cfg, err := newConfig([]Option{WithEndpointURL("https://h"), WithHeaders(h), WithTLSConfig(c)}, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	h["Key"], c.ServerName = "after", "after"
	if got := cfg.headers.Get("Key"); got != "before" {
		t.Errorf("header is %q", got)
	}
	if got := cfg.tls.ServerName; got != "before" {
		t.Errorf("server name is %q", got)
	}
}
