package view

import (
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

const (
	benchTrackables = 200
	benchDays       = 400
)

// benchMirror is one with all the days that are kept.
func benchMirror(b *testing.B) (store *localstore.Store, record func()) {
	b.Helper()
	at := time.Now().Add(-benchDays * 24 * time.Hour)
	var err error
	store, err = localstore.Open(filepath.Join(b.TempDir(), "usage.db"), localstore.WithClock(func() time.Time { return at }), localstore.WithMaxRows(1))
	must(b, err)
	b.Cleanup(func() { must(b, store.Close()) })
	writer, err := store.Writer(true)
	must(b, err)
	scope := &series.Scope{Name: otelusage.ScopeName, Version: otelusage.Version,
		Attributes: attribute.NewSet(otelusage.KindKey.String(otelusage.KindStatistic.String()))}
	resource := &series.Resource{}
	changes := make([]recording.Change, benchTrackables)
	for i := range changes {
		name := fmt.Sprintf("statistic_%03d", i)
		_, err := store.Declare(otelusage.Declaration{Kind: otelusage.KindStatistic, Name: name})
		must(b, err)
		changes[i] = recording.Change{Delta: series.Int64Value(int64(i + 1)), Series: &series.Series{
			Resource: resource, Metric: &series.Metric{Scope: scope, Name: name, Type: series.TypeSum},
		}}
	}
	record = func() { must(b, writer.Record(b.Context(), recording.Recording{Changes: changes, MaySend: true})) }
	for range benchDays {
		at = at.Add(24 * time.Hour)
		record()
	}
	return store, record
}

// BenchmarkRecord is a recording of all trackables without a page, beside one
// whose page is loaded again and again without a pause, which no browser does:
// the most that a viewer can cost.
func BenchmarkRecord(b *testing.B) {
	store, record := benchMirror(b)
	b.Run("alone", func(b *testing.B) {
		for b.Loop() {
			record()
		}
	})
	b.Run("viewed", func(b *testing.B) {
		h := newHandler(b, store)
		end, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			for {
				select {
				case <-end:
					return
				default:
					h.ServeHTTP(&bare{header: make(http.Header)}, localRequest())
				}
			}
		}()
		for b.Loop() {
			record()
		}
		close(end)
		<-ended
	})
}

// BenchmarkData is what the page loads beside a bare SQL read of the same rows,
// and its question whether anything changed.
func BenchmarkData(b *testing.B) {
	store, _ := benchMirror(b)
	h := newHandler(b, store)
	var tag string
	b.Run("page", func(b *testing.B) {
		for b.Loop() {
			w := &bare{header: make(http.Header)}
			h.ServeHTTP(w, localRequest())
			if w.status != 0 {
				b.Fatal(w.status)
			}
			tag = w.header.Get("ETag")
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		for b.Loop() {
			r := localRequest()
			r.Header.Set("If-None-Match", tag)
			w := &bare{header: make(http.Header)}
			h.ServeHTTP(w, r)
			if w.status != http.StatusNotModified {
				b.Fatal(w.status)
			}
		}
	})
	b.Run("sql", func(b *testing.B) {
		db, err := sql.Open("sqlite", store.Path())
		must(b, err)
		defer db.Close()
		for b.Loop() {
			if n := readRows(b, db); n < benchTrackables*(benchDays-1) {
				b.Fatalf("%d rows", n)
			}
		}
	})
}

// readRows reads what the page shows as a program without this module would.
func readRows(b *testing.B, db *sql.DB) (n int) {
	b.Helper()
	var id, day int64
	var value any
	var count sql.NullInt64
	var name, kind, description string
	for query, into := range map[string][]any{
		`SELECT id, name, kind, description FROM trackables`: {&id, &name, &kind, &description},
		`SELECT s.id, m.name, s.attributes, o.recorded FROM series s JOIN metrics m ON m.id = s.metric_id
			JOIN totals o ON o.series_id = s.id`: {&id, &name, &kind, &value},
		`SELECT series_id, day, value, count FROM days ORDER BY day`: {&id, &day, &value, &count},
	} {
		rows, err := db.QueryContext(b.Context(), query)
		must(b, err)
		for rows.Next() {
			must(b, rows.Scan(into...))
			n++
		}
		must(b, rows.Err())
		must(b, rows.Close())
	}
	return n
}

func localRequest() *http.Request {
	r := httptest.NewRequest("GET", "/data", nil)
	r.Host = "localhost"
	return r
}

// bare is a ResponseWriter that keeps nothing of the body.
type bare struct {
	header http.Header
	status int
}

func (w *bare) Header() http.Header         { return w.header }
func (w *bare) Write(p []byte) (int, error) { return io.Discard.Write(p) }
func (w *bare) WriteHeader(status int)      { w.status = status }
