package hq

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/faulty"
	"github.com/anonymoususage/anonymoususage-go/exporter/internal/forward"
)

// A proxy that fails is not taken for the server.
func TestAProxyThatRefusesIsNamedAsTheProxy(t *testing.T) {
	nobody, err := faulty.Nobody()
	if err != nil {
		t.Fatal(err)
	}
	forbids := proxyThatAnswers(t, http.StatusForbidden, "", "")
	for _, c := range []struct{ host, proxy, want string }{
		{"https://hq.invalid", nobody.String(), "the proxy refuses connections"},
		{"http://hq.invalid", nobody.String(), "the proxy refuses connections"},
		{"https://hq.invalid", forbids, "the proxy opens no connection to hq.invalid"},
		{"http://hq.invalid", forbids, "hq.invalid does not allow this (HTTP 403)"}, // it cannot be told
		{"http://hq.invalid", proxyThatAnswers(t, http.StatusProxyAuthRequired, "Proxy-Authenticate", "Basic"), "the proxy wants credentials (HTTP 407)"},
		{"http://hq.invalid", proxyThatAnswers(t, http.StatusForbidden, "X-Squid-Error", "ERR_ACCESS_DENIED 0"), "the proxy does not allow this (HTTP 403)"},
		{"http://hq.invalid", proxyThatAnswers(t, http.StatusServiceUnavailable, "Proxy-Status", "cache; error=connection_refused"), "the proxy is busy or down (HTTP 503)"},
		{"http://hq.invalid", proxyThatAnswers(t, http.StatusBadGateway, "Via", "1.1 cache"), "the proxy or hq.invalid is busy or down (HTTP 502)"},
	} {
		u, err := url.Parse(c.proxy)
		if err != nil {
			t.Fatal(err)
		}
		e := newExporter(t, Config{Host: c.host})
		e.client.link = forward.NewLink(forward.LinkConfig{Proxy: http.ProxyURL(u), UncompressedAnswer: true}) // that of the environment is read once in a process
		if o := outcomeOf(t, e.Export(t.Context(), sample())); !strings.HasPrefix(o.Reason, c.want) {
			t.Errorf("%s: the reason is %q, want %q", c.host, o.Reason, c.want)
		}
	}
}

// proxyThatAnswers returns the URL of a proxy that answers for every host.
func proxyThatAnswers(t *testing.T, status int, header, value string) string {
	t.Helper()
	s := faulty.Proxy(status, header, value)
	t.Cleanup(s.Close)
	return s.URL
}
