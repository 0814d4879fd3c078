package otlp

import (
	"crypto/tls"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"go.opentelemetry.io/otel"
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
		e := newExporter(t, WithEndpointURL(in))
		if got := e.transport.endpoint.String(); got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	good := WithEndpointURL("https://h")
	for name, opts := range map[string][]Option{
		"empty URL":           {WithEndpointURL("")},
		"no scheme":           {WithEndpointURL("localhost:4318")},
		"other scheme":        {WithEndpointURL("ftp://h")},
		"unix socket":         {WithEndpointURL("unix:///tmp/s")},
		"no host":             {WithEndpointURL("https:///v1/metrics")},
		"port without host":   {WithEndpointURL("https://:4318")},
		"user information":    {WithEndpointURL("https://me:hunter2@h")},
		"query":               {WithEndpointURL("https://h/?key=hunter2")},
		"empty query":         {WithEndpointURL("https://h/?")},
		"fragment":            {WithEndpointURL("https://h/#hunter2")},
		"port 0":              {WithEndpointURL("https://h:0")},
		"port too large":      {WithEndpointURL("https://h:65536")},
		"port of letters":     {WithEndpointURL("https://h:http")},
		"newline":             {WithEndpointURL("https://h/\n")},
		"password as a port":  {WithEndpointURL("https://user:hunter2")},
		"empty port":          {WithEndpointURL("http://127.0.0.1:")},
		"nil option":          {good, nil},
		"nil TLS":             {good, WithTLSConfig(nil)},
		"TLS for http":        {WithEndpointURL("http://h"), WithTLSConfig(&tls.Config{})},
		"no time":             {good, WithTimeout(0)},
		"negative time":       {good, WithTimeout(-time.Second)},
		"unknown compression": {good, WithCompression("zstd")},
		"empty compression":   {good, WithCompression("")},
		"newline in value":    {good, WithHeaders(map[string]string{"A": "hunter2\r\nB: c"})},
		"newline in name":     {good, WithHeaders(map[string]string{"hunter2\n": "b"})},
		"empty name":          {good, WithHeaders(map[string]string{"": "hunter2"})},
		"reserved name":       {good, WithHeaders(map[string]string{"content-TYPE": "hunter2"})},
		"same name twice":     {good, WithHeaders(map[string]string{"a": "hunter2", "A": "hunter2"})},
	} {
		e, err := New(t.Context(), opts...)
		if err == nil || e != nil {
			t.Errorf("%s: got %v, %v", name, e, err)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error quotes a secret: %v", name, err)
		}
	}
}

func TestAllBadOptionsAreReported(t *testing.T) {
	_, err := New(t.Context(), WithEndpointURL("h"), WithTimeout(-1), WithTLSConfig(nil))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"WithEndpointURL", "WithTimeout", "WithTLSConfig"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
}

// A wrong endpoint must not fall back to the user's.
func TestBadEndpointDoesNotFallBackToTheEnvironment(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://users-own:4318")
	if e, err := New(t.Context(), WithEndpointURL("")); err == nil {
		t.Errorf("the exporter sends to %v", e.transport.endpoint)
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

// otlpmetrichttp prints an endpoint that it cannot parse.
func TestAnEndpointWithAZonePrintsNothing(t *testing.T) {
	var printed []string
	otel.SetLogger(funcr.New(func(_, args string) { printed = append(printed, args) }, funcr.Options{Verbosity: 10}))
	t.Cleanup(func() { otel.SetLogger(logr.Discard()) })
	e := newExporter(t, WithEndpointURL("http://[::1%25lo]:4318"))
	if len(printed) > 0 {
		t.Errorf("printed %q", printed)
	}
	if got := e.transport.endpoint.Host; got != "[::1%lo]:4318" {
		t.Errorf("the host is %q", got)
	}
}
