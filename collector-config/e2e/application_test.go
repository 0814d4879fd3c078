package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	_ "modernc.org/sqlite" // to read the mirror as anybody can

	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

// application is a program with all four kinds of trackables and a mirror.
type application struct {
	*standalone.Usage
	searches *otelusage.Statistic // monotonic, with an attribute
	items    *otelusage.Statistic
	distance *otelusage.FloatStatistic
	units    *otelusage.State
	session  *otelusage.Timer
	export   *otelusage.Sequence
}

// launch starts a version of the application.
func launch(t *testing.T, file, version, url string, opts ...otlp.Option) *application {
	t.Helper()
	forwarder, err := otlp.New(t.Context(), append([]otlp.Option{otlp.WithEndpointURL(url)}, opts...)...)
	must(t, err)
	u, err := standalone.Start(t.Context(), standalone.Config{
		FilePath: file, ApplicationName: "editor", ApplicationVersion: version,
		Forwarder: forwarder, SubmitInterval: time.Hour, CheckInterval: time.Hour,
		Tracker: new(otelusage.Tracker), // it starts more than once in this process
	})
	must(t, err)
	t.Cleanup(func() { must(t, u.Close()) })
	a := &application{Usage: u}
	a.searches, err = u.Tracker().Statistic("searches", otelusage.Monotonic())
	must(t, err)
	a.items, err = u.Tracker().Statistic("items")
	must(t, err)
	a.distance, err = u.Tracker().FloatStatistic("distance")
	must(t, err)
	a.units, err = u.Tracker().State("units", otelusage.NoState)
	must(t, err)
	a.session, err = u.Tracker().Timer("session")
	must(t, err)
	a.export, err = u.Tracker().Sequence("export", []string{"open", "choose", "save"})
	must(t, err)
	return a
}

// use counts something of every kind.
func (a *application) use(n int64, state string) {
	a.searches.With(attribute.String("via", "web")).Add(n)
	a.searches.With(attribute.String("via", "menu")).Add(2 * n)
	a.items.Add(10 - 3*n)
	a.distance.Add(0.25 * float64(n))
	a.units.Set(state)
	a.session.Record(context.Background(), time.Duration(n)*1500*time.Millisecond)
	for _, checkpoint := range []string{"open", "choose", "save"} {
		a.export.Hit(checkpoint)
	}
	a.export.Hit("open")
	a.export.Clear()
}

// ask returns the number that a query finds in a mirror.
func ask(t *testing.T, file, query string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(file)+"?mode=ro")
	must(t, err)
	defer func() { must(t, db.Close()) }()
	must(t, db.QueryRowContext(t.Context(), query).Scan(&n))
	return n
}

// mirrorTotals reads the mirror as Prometheus names what it holds.
func mirrorTotals(t *testing.T, file string) map[string]float64 {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(file)+"?mode=ro")
	must(t, err)
	defer func() { must(t, db.Close()) }()
	totals := make(map[string]float64)
	for _, query := range []string{
		`SELECT metric || CASE role WHEN 'value' THEN CASE WHEN metric IN ('searches', 'export') THEN '_total' ELSE '' END ELSE '_total' END,
			coalesce('{via=' || (attributes ->> '$.via') || '}', '{state=' || (attributes ->> '$.state') || '}',
				'{checkpoint=' || (attributes ->> '$.checkpoint') || '}', ''), sum(recorded)
			FROM series_totals WHERE kind <> 'timer' GROUP BY 1, 2`,
		`SELECT 'units.occupancy', '{state=' || state || '}', 1 FROM states WHERE state <> ''`,
		`SELECT 'session_seconds_sum', '', total_seconds FROM timers`,
		`SELECT 'session_seconds_count', '', runs FROM timers`,
		`SELECT 'otelusage_active_total', '{period=' || period || ',date=' || date || '}', 1 FROM active`,
	} {
		rows, err := db.QueryContext(t.Context(), query)
		must(t, err)
		for rows.Next() {
			var name, labels string
			var value float64
			must(t, rows.Scan(&name, &labels, &value))
			totals[underscored(name)+labels] = value
		}
		must(t, rows.Err())
		must(t, rows.Close())
	}
	if len(totals) < 14 {
		t.Fatalf("the mirror holds %v", totals)
	}
	return totals
}

func underscored(name string) string {
	b := []byte(name)
	for i, c := range b {
		if c == '.' {
			b[i] = '_'
		}
	}
	return string(b)
}

// same compares totals; states that were left are 0 and need not be there.
func same(got, want map[string]float64) error {
	for name, value := range want {
		if math.Abs(got[name]-value) > 1e-9*math.Abs(value) {
			return fmt.Errorf("%s is %v, want %v; got %v", name, got[name], value, got)
		}
	}
	for name, value := range got {
		if _, ok := want[name]; !ok && value != 0 {
			return fmt.Errorf("%s is %v, want nothing", name, value)
		}
	}
	return nil
}

// lossy passes requests on, and while it is told to loses the answers.
type lossy struct {
	*httptest.Server
	target atomic.Pointer[string]
	lose   atomic.Bool
	lost   atomic.Int64
}

func startLossy(t *testing.T, target string) *lossy {
	l := &lossy{}
	l.target.Store(&target)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(r.Context(), r.Method, *l.target.Load(), r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		req.Header = r.Header.Clone()
		resp, err := client.Do(req)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		answer, err := io.ReadAll(resp.Body)
		if l.lose.Load() || err != nil {
			l.lost.Add(1)
			panic(http.ErrAbortHandler) // the Collector has it, the sender will never know
		}
		for name, values := range resp.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = w.Write(answer)
	}))
	t.Cleanup(l.Close)
	return l
}
