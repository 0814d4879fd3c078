package exporter

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/anonymoususage/anonymoususage-go/exporter/hq"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// TestPlainTextIsReportedOnce, without what may be secret of the endpoint, and only
// where something may be sent to another machine.
func TestPlainTextIsReportedOnce(t *testing.T) {
	wire := func(endpoint string) sdkmetric.Exporter {
		f, err := otlp.New(t.Context(), otlp.WithEndpointURL(endpoint))
		must(t, err)
		return f
	}
	upload := func(host string) sdkmetric.Exporter {
		f, err := hq.New(hq.Config{Host: host, APIKey: "sesame"})
		must(t, err)
		return f
	}
	for name, tt := range map[string]struct {
		forwarder sdkmetric.Exporter
		track     string // DO_NOT_TRACK
		host      string // that is reported
	}{
		"OTLP":                       {forwarder: wire("http://usage.invalid/hook-sesame"), host: "http://usage.invalid"},
		"OTLP to an address":         {forwarder: wire("http://[2001:db8::1]:4318"), host: "http://[2001:db8::1]:4318"},
		"OTLP to an address at home": {forwarder: wire("http://192.168.0.7:4318"), host: "http://192.168.0.7:4318"},
		"HQ":                         {forwarder: upload("http://hq.invalid"), host: "http://hq.invalid"},
		"OTLP, encrypted":            {forwarder: wire("https://usage.invalid")},
		"HQ, encrypted":              {forwarder: upload("hq.invalid")},
		"OTLP, localhost":            {forwarder: wire("http://localhost:4318")},
		"HQ, loopback":               {forwarder: upload("http://127.0.0.1:8000")},
		"OTLP, loopback of IPv6":     {forwarder: wire("http://[::1]:4318")},
		"nothing is sent":            {forwarder: wire("http://usage.invalid"), track: "1"},
		"a stranger's":               {forwarder: delta()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("DO_NOT_TRACK", tt.track)
			store, err := localstore.Open(filepath.Join(t.TempDir(), "usage.db"))
			must(t, err)
			var told []error
			e, err := New(store, WithForwarder(tt.forwarder), WithCheckInterval(NeverCheck), WithErrorHandler(func(err error) { told = append(told, err) }))
			must(t, err)
			must(t, e.Shutdown(t.Context()))
			must(t, store.Close())
			switch {
			case tt.host == "" && len(told) == 0:
			case tt.host == "" || len(told) != 1 || !errors.Is(told[0], outcome.ErrPlainText):
				t.Errorf("told %v", told)
			case !strings.Contains(told[0].Error(), tt.host) || strings.Contains(told[0].Error(), "sesame"):
				t.Errorf("told %v", told[0])
			}
		})
	}
}
