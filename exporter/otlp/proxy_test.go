package otlp

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/faulty"
)

// A proxy that fails is not taken for the destination.
func TestAProxyThatRefusesIsNamedAsTheProxy(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		nobody, err := faulty.Nobody()
		if err != nil {
			t.Fatal(err)
		}
		forbids := faulty.Proxy(http.StatusForbidden, "", "")
		t.Cleanup(forbids.Close)
		for proxy, want := range map[string]string{
			nobody.String(): "the proxy refuses connections",
			forbids.URL:     "the proxy opens no connection to usage.invalid",
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
	})
}

// A proxy answers for a plain http:// destination in the destination's place.
func TestAPlainProxyThatFailsIsNamedAsTheProxy(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		for want, proxy := range map[string]*httptest.Server{
			"the proxy wants credentials (HTTP 407)":                faulty.Proxy(407, "Proxy-Authenticate", "Basic"),
			"the proxy does not allow this (HTTP 403)":              faulty.Proxy(403, "X-Squid-Error", "ERR_ACCESS_DENIED 0"),
			"the proxy failed (HTTP 502)":                           faulty.Proxy(502, "Proxy-Status", "cache; error=destination_unavailable"),
			"the proxy or usage.invalid failed (HTTP 502)":          faulty.Proxy(502, "Via", "1.1 cache"),
			"the proxy or usage.invalid is busy or down (HTTP 503)": faulty.Proxy(503, "", ""),
			"usage.invalid wants other credentials (HTTP 401)":      faulty.Proxy(401, "Via", "1.1 cache"),
			"usage.invalid failed (HTTP 500)":                       faulty.Proxy(500, "Proxy-Status", "cache; received-status=500"),
		} {
			t.Cleanup(proxy.Close)
			u, err := url.Parse(proxy.URL)
			if err != nil {
				t.Fatal(err)
			}
			e := newExporter(t, WithEndpointURL("http://usage.invalid"), WithProxy(http.ProxyURL(u)))
			if o := outcomeOf(t, e.Export(t.Context(), delta(1))); o.Reason != want {
				t.Errorf("the reason is %q, want %q", o.Reason, want)
			}
		}
	})
}

// What makes the address of a proxy invalid may be its password, which an error
// of net/url quotes in a form of its own.
func TestAProxyThatCannotBeReadShowsNoPassword(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		for _, address := range []string{
			`http://ada:hun"ter 2%zz@proxy:3128`, "http://ada:hunter2%of@proxy:3128", "ada:hun ter2@proxy:3128:1",
		} {
			e := newExporter(t, WithEndpointURL("http://usage.invalid"), WithProxy(func(*http.Request) (*url.URL, error) {
				_, err := url.Parse(address)
				return nil, fmt.Errorf("invalid proxy address %q: %w", address, err)
			}))
			o := outcomeOf(t, e.Export(t.Context(), delta(1)))
			for _, text := range []string{o.Reason, o.Err.Error(), fmt.Sprintf("%+v %#v", o, o.Err)} {
				if strings.Contains(text, "hun") || strings.Contains(text, "ter") || strings.Contains(text, "%of") || strings.Contains(text, "%zz") {
					t.Errorf("the password shows in %s", text)
				}
			}
			if !strings.Contains(o.Reason, "which proxy") {
				t.Errorf("the reason is %q", o.Reason)
			}
		}
	})
}
