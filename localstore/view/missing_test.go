package view

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// TestPageWithoutAMirrorSaysWhy: an application may mount what New returned,
// whatever the error.
func TestPageWithoutAMirrorSaysWhy(t *testing.T) {
	vetoed := &usage{consent: localstore.Consent{Mode: localstore.ModeOff, Reason: "OTEL_SDK_DISABLED is set"}}
	var nobody *usage
	for name, c := range map[string]struct {
		store *localstore.Store
		opts  []Option
		want  string
	}{
		"the environment forbids it": {nil, []Option{WithControls(vetoed), WithTitle("My <Game>")}, "Nothing is recorded: OTEL_SDK_DISABLED is set."},
		"nobody knows":               {nil, nil, "there is no file with your usage"},
		"a Store of nobody":          {new(localstore.Store), []Option{WithControls(nobody)}, "there is no file with your usage"},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := New(c.store, c.opts...)
			if h == nil || !errors.Is(err, localstore.ErrNotOpen) {
				t.Fatalf("New: %v, %v", h, err)
			}
			defer func() { must(t, h.Close()) }()
			for target, contentType := range map[string]string{"/": "text/html; charset=utf-8", "/data": "application/json; charset=utf-8"} {
				r := call(h, "GET", target, "")
				got := text(t, r)
				if r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(got, c.want) || r.Header.Get("Content-Type") != contentType {
					t.Errorf("%s: %d, %s", target, r.StatusCode, got)
				}
				if r.Header.Get("Content-Security-Policy") == "" || strings.Contains(got, "<Game>") {
					t.Errorf("%s: unprotected: %v %s", target, r.Header, got)
				}
			}
			wantStatus(t, call(h, "POST", "/consent", `{"mode":"on"}`, tokenHeader, h.token), http.StatusServiceUnavailable)
			wantStatus(t, call(h, "GET", "/", "", "Host", "evil.example"), http.StatusForbidden)
		})
	}
	if len(vetoed.calls) != 0 {
		t.Errorf("called %v", vetoed.calls)
	}
}

func TestPageWhoseMirrorVanishedSaysWhy(t *testing.T) {
	h, err := New(vanished(t))
	if h == nil || err == nil {
		t.Fatalf("New: %v, %v", h, err)
	}
	r := call(h, "GET", "/", "")
	if got := text(t, r); r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(got, "is gone") {
		t.Errorf("%d %s", r.StatusCode, got)
	}
	must(t, h.Close())
}

func TestNilAndZeroHandlers(t *testing.T) {
	for _, h := range []*Handler{nil, new(Handler)} {
		must(t, h.Close())
		wantStatus(t, call(h, "GET", "/", ""), http.StatusServiceUnavailable)
		r := httptest.NewRequest("GET", "/usage", nil)
		r.Host = "localhost"
		w := httptest.NewRecorder()
		http.StripPrefix("/usage", h).ServeHTTP(w, r)
		wantStatus(t, w.Result(), http.StatusServiceUnavailable)
	}
}

// late is an application whose mirror can be opened only later.
type late struct {
	*usage
	store atomic.Pointer[localstore.Store]
}

func (l *late) Store() *localstore.Store { return l.store.Load() }

// TestPageComesWithTheMirror that an application got after it was started, or
// whose file is back.
func TestPageComesWithTheMirror(t *testing.T) {
	m := newMirror(t)
	l := &late{usage: &usage{consent: localstore.Consent{Reason: "the mirror could not be opened"}}}
	h, err := New(l.Store(), WithControls(l))
	if err == nil {
		t.Error("no error")
	}
	r := call(h, "GET", "/data", "")
	if got := text(t, r); r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(got, "Nothing is recorded: the mirror could not be opened.") {
		t.Errorf("%d %s", r.StatusCode, got)
	}
	l.store.Store(m.Store)
	var asked sync.WaitGroup
	for range 4 {
		asked.Go(func() { wantStatus(t, call(h, "GET", "/data", ""), http.StatusOK) })
	}
	asked.Wait()
	wantStatus(t, call(h, "POST", "/consent", `{"mode":"off"}`, tokenHeader, tokenOf(t, h)), http.StatusOK)
	if m.mode(t) != localstore.ModeOff {
		t.Error("the page switches nothing")
	}
	must(t, h.Close())

	away := vanished(t)
	h, err = New(away)
	if err == nil {
		t.Error("no error")
	}
	wantStatus(t, call(h, "GET", "/data", ""), http.StatusServiceUnavailable)
	execute(t, m.Path(), `VACUUM INTO '`+away.Path()+`'`)
	wantStatus(t, call(h, "GET", "/data", ""), http.StatusOK)
	must(t, h.Close())

	h, err = New(nil, WithControls(l))
	must(t, err)
	must(t, h.Close())
	never, err := New(nil)
	if err == nil {
		t.Error("no error")
	}
	must(t, never.Close())
	wantStatus(t, call(never, "GET", "/", ""), http.StatusServiceUnavailable)
}
