package view

import (
	"net/http"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// TestNobodyPassesWithoutAuthorization, not even to read, nor with the token.
func TestNobodyPassesWithoutAuthorization(t *testing.T) {
	m := newMirror(t)
	signedIn := func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer person" }
	h := newHandler(t, m.Store, WithAuthorization(signedIn))
	targets := []string{"missing", "page/index.html"}
	for name := range h.routes {
		targets = append(targets, name)
	}
	for _, target := range targets {
		for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS"} {
			r := call(h, method, "/"+target, `{"mode":"on"}`, tokenHeader, h.token)
			if got := text(t, r); r.StatusCode != http.StatusForbidden || strings.Contains(got, h.token) || strings.Contains(got, "quests") {
				t.Errorf("%s /%s: %d %s", method, target, r.StatusCode, got)
			}
		}
	}
	wantStatus(t, call(h, "GET", "/", "", "Authorization", "Bearer person"), http.StatusOK)
	wantStatus(t, call(h, "POST", "/consent", `{"mode":"local"}`, tokenHeader, h.token, "Authorization", "Bearer person"), http.StatusOK)
	wantStatus(t, call(h, "POST", "/consent", `{"mode":"on"}`, "Authorization", "Bearer person"), http.StatusForbidden)
	wantStatus(t, call(h, "GET", "/", "", "Authorization", "Bearer person", "Host", "evil.example"), http.StatusForbidden)
	if m.mode(t) != localstore.ModeLocal {
		t.Errorf("mode %v", m.mode(t))
	}
	wantStatus(t, call(newHandler(t, m.Store, WithAuthorization(nil)), "GET", "/", ""), http.StatusForbidden)
}

func TestFrameAncestors(t *testing.T) {
	m := newMirror(t)
	h := newHandler(t, m.Store, WithFrameAncestors("https://portal.example.com:8443", "self"), WithFrameAncestors("http://localhost"))
	header := call(h, "GET", "/", "").Header
	if got := header.Get("Content-Security-Policy"); !strings.HasSuffix(got, "; frame-ancestors https://portal.example.com:8443 'self' http://localhost") {
		t.Errorf("policy %q", got)
	}
	if got := header.Get("X-Frame-Options"); got != "" {
		t.Errorf("X-Frame-Options %q forbids what the policy allows", got)
	}
	for _, bad := range []string{"", "*", "https://*.example.com", "portal.example.com", "https://a.example/path", "https://a.example; script-src *",
		"https://a.example,https://b.example", "https://a.example https://b.example", "javascript:x", "'none'", "https://a.example\r\nX: y", "//a.example", "https://u@a.example"} {
		h, err := New(m.Store, WithFrameAncestors(bad))
		if err == nil {
			t.Errorf("%q is taken", bad)
		}
		r := call(h, "GET", "/", "")
		wantStatus(t, r, http.StatusServiceUnavailable)
		if got := r.Header.Get("Content-Security-Policy"); got != policy+"'none'" {
			t.Errorf("%q: policy %q", bad, got)
		}
		must(t, h.Close())
	}
}
