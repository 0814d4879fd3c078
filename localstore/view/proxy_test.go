package view

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// TestBehindAReverseProxy: what the package's page says a proxy must pass on is
// enough, and Host is needed.
func TestBehindAReverseProxy(t *testing.T) {
	const public = "usage.example.com"
	m := newMirror(t)
	h := newHandler(t, m.Store, WithHosts(public), WithAuthorization(func(r *http.Request) bool { return r.Header.Get("X-Person") == "1" }))
	mux := http.NewServeMux()
	mux.Handle("/usage/", http.StripPrefix("/usage", h))
	application := httptest.NewServer(mux)
	defer application.Close()
	target, err := url.Parse(application.URL)
	must(t, err)
	passOn := []string{"Origin", "Sec-Fetch-Site", tokenHeader, "If-None-Match", "X-Person"}
	proxy := func(host bool) http.Handler {
		return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			given := r.In.Header
			r.SetURL(target)
			if host {
				r.Out.Host = r.In.Host
			}
			r.Out.Header = make(http.Header)
			for _, name := range passOn {
				if v := given.Get(name); v != "" {
					r.Out.Header.Set(name, v)
				}
			}
		}}
	}
	person := []string{"Host", public, "X-Person", "1"}
	r := call(proxy(true), "GET", "/usage/data", "", person...)
	wantStatus(t, r, http.StatusOK)
	wantStatus(t, call(proxy(true), "GET", "/usage/data", "", append(person, "If-None-Match", r.Header.Get("ETag"))...), http.StatusNotModified)
	wantStatus(t, call(proxy(true), "GET", "/usage/data", "", "Host", public), http.StatusForbidden)
	wantStatus(t, call(proxy(true), "GET", "/usage/data", "", "Host", "evil.example", "X-Person", "1"), http.StatusForbidden)
	change := append(person, tokenHeader, h.token, "Origin", "https://"+public)
	wantStatus(t, call(proxy(false), "POST", "/usage/consent", `{"mode":"local"}`, change...), http.StatusForbidden)
	wantStatus(t, call(proxy(true), "POST", "/usage/consent", `{"mode":"local"}`, append(change, "Sec-Fetch-Site", "cross-site")...), http.StatusForbidden)
	if m.mode(t) != localstore.ModeUnset {
		t.Error("somebody else switched")
	}
	wantStatus(t, call(proxy(true), "POST", "/usage/consent", `{"mode":"local"}`, change...), http.StatusOK)
	if m.mode(t) != localstore.ModeLocal {
		t.Error("the person cannot switch")
	}
}
