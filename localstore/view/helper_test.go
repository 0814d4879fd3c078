package view

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// mirror is one with a count in it, and what writes it.
type mirror struct {
	*localstore.Store
	writer *recording.Writer
}

func newMirror(t testing.TB) *mirror {
	t.Helper()
	store, err := localstore.Open(filepath.Join(t.TempDir(), "usage.db"))
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	_, err = store.Declare(otelusage.Declaration{Kind: otelusage.KindStatistic, Name: "quests", Description: "</script><script>alert(1)</script>"})
	must(t, err)
	writer, err := store.Writer(true)
	must(t, err)
	m := &mirror{store, writer}
	m.count(t, 2)
	return m
}

func (m *mirror) count(t testing.TB, n int64) {
	t.Helper()
	must(t, m.writer.Record(t.Context(), recording.Recording{MaySend: true, Changes: []recording.Change{
		{Series: quests(), Delta: series.Int64Value(n)},
	}}))
}

func quests() *series.Series {
	scope := &series.Scope{Name: otelusage.ScopeName, Version: otelusage.Version,
		Attributes: attribute.NewSet(otelusage.KindKey.String(otelusage.KindStatistic.String()))}
	return &series.Series{
		Resource: &series.Resource{},
		Metric:   &series.Metric{Scope: scope, Name: "quests", Type: series.TypeSum},
	}
}

func (m *mirror) mode(t testing.TB) localstore.Mode {
	t.Helper()
	c, err := m.Consent(t.Context())
	must(t, err)
	return c.Mode
}

// errorList keeps what a handler is told.
type errorList struct {
	mu   sync.Mutex
	list []error
}

func (l *errorList) add(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, err)
}

func newHandler(t testing.TB, store *localstore.Store, opts ...Option) *Handler {
	t.Helper()
	h, err := New(store, append([]Option{WithErrorHandler(func(err error) { t.Errorf("error handler: %v", err) })}, opts...)...)
	must(t, err)
	t.Cleanup(func() { must(t, h.Close()) })
	return h
}

// call makes a request to the page under a loopback name. Headers are pairs.
func call(h http.Handler, method, target, body string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "127.0.0.1:8080"
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t testing.TB, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	must(t, err)
	return string(b)
}

func wantStatus(t testing.TB, r *http.Response, want int) {
	t.Helper()
	if r.StatusCode != want {
		t.Errorf("status %d, want %d: %s", r.StatusCode, want, text(t, r))
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
