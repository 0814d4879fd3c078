package otlp

import (
	"crypto/tls"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"go.opentelemetry.io/otel"
)

// eachConstructor runs a test of what New returns.
func eachConstructor(t *testing.T, test func(t *testing.T, construct constructor)) {
	t.Helper()
	for name, construct := range constructors {
		t.Run(name, func(t *testing.T) { test(t, construct) })
	}
}

// isNil reports whether New returned no exporter.
func isNil(e forwarder) bool { return reflect.ValueOf(e).IsNil() }

func TestBadOptionsAreRefused(t *testing.T) {
	eachConstructor(t, func(t *testing.T, construct constructor) {
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
			e, err := construct(t.Context(), opts...)
			if err == nil || !isNil(e) {
				t.Errorf("%s: got %v, %v", name, e, err)
				continue
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: the error quotes a secret: %v", name, err)
			}
		}
	})
}

func TestAllBadOptionsAreReported(t *testing.T) {
	eachConstructor(t, func(t *testing.T, construct constructor) {
		_, err := construct(t.Context(), WithEndpointURL("h"), WithTimeout(-1), WithTLSConfig(nil))
		if err == nil {
			t.Fatal("no error")
		}
		for _, want := range []string{"WithEndpointURL", "WithTimeout", "WithTLSConfig"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not name %s", err, want)
			}
		}
	})
}

// A wrong endpoint must not fall back to the user's.
func TestBadEndpointDoesNotFallBackToTheEnvironment(t *testing.T) {
	eachConstructor(t, func(t *testing.T, construct constructor) {
		t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://users-own:4318")
		if e, err := construct(t.Context(), WithEndpointURL("")); err == nil {
			t.Errorf("the exporter sends to %v", e)
		}
	})
}

// otlpmetrichttp prints an endpoint that it cannot parse.
func TestAnEndpointWithAZonePrintsNothing(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		var printed []string
		otel.SetLogger(funcr.New(func(_, args string) { printed = append(printed, args) }, funcr.Options{Verbosity: 10}))
		t.Cleanup(func() { otel.SetLogger(logr.Discard()) })
		newExporter(t, WithEndpointURL("http://[::1%25lo]:4318"))
		if len(printed) > 0 {
			t.Errorf("printed %q", printed)
		}
	})
}
