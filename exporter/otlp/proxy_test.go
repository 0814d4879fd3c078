package otlp

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// A proxy that fails is not taken for the destination.
func TestAProxyThatRefusesIsNamedAsTheProxy(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	forbids := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(forbids.Close)
	for proxy, want := range map[string]string{
		"http://" + closed.Addr().String(): "the proxy refuses connections",
		forbids.URL:                        "the proxy opens no connection to usage.invalid",
	} {
		u, err := url.Parse(proxy)
		if err != nil {
			t.Fatal(err)
		}
		e := newExporter(t, WithEndpointURL("https://usage.invalid"), WithProxy(http.ProxyURL(u)))
		o := outcomeOf(t, e.Export(t.Context(), delta(1)))
		if !strings.HasPrefix(o.Reason, want) || strings.Contains(o.Reason, "usage.invalid refuses") {
			t.Errorf("the reason is %q, want %q", o.Reason, want)
		}
	}
}
