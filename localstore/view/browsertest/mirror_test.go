package browsertest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/view"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// hostile runs if the page takes it for markup.
const hostile = `<img src=x onerror="window.harmed=1"><script>window.harmed=1</script>`

const days = 60

// application is a mirror with two months in it, an application that counts on
// and a page of it below a prefix.
type application struct {
	mirror *localstore.Store
	reader *exporter.Reader
	quests *otelusage.Statistic
	server *otelusage.State
	url    string
}

// taker accepts all it gets.
type taker struct{}

func (taker) Temporality(sdkmetric.InstrumentKind) metricdata.Temporality {
	return metricdata.DeltaTemporality
}
func (taker) Aggregation(k sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(k)
}
func (taker) Export(context.Context, *metricdata.ResourceMetrics) error { return nil }
func (taker) ForceFlush(context.Context) error                          { return nil }
func (taker) Shutdown(context.Context) error                            { return nil }

func newApplication(t *testing.T) *application {
	t.Helper()
	var ago atomic.Int64 // days; submissions ask for it from a goroutine of their own
	ago.Store(days)
	began := time.Now()
	clock := func() time.Time { return began.AddDate(0, 0, -int(ago.Load())) }
	mirror, err := localstore.Open(filepath.Join(t.TempDir(), "usage.db"), localstore.WithClock(clock))
	must(t, err)
	t.Cleanup(func() { must(t, mirror.Close()) })
	exp, err := exporter.New(mirror, exporter.WithForwarder(taker{}), exporter.WithSubmitInterval(24*time.Hour))
	must(t, err)
	reader := exporter.NewReader(exp)
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	t.Cleanup(func() { must(t, provider.Shutdown(context.Background())) })
	tracker, err := otelusage.New(otelusage.WithMeterProvider(provider), otelusage.WithLedger(mirror))
	must(t, err)
	t.Cleanup(func() { must(t, tracker.Close()) })

	a := &application{mirror: mirror, reader: reader}
	a.quests, err = tracker.Statistic("quests", otelusage.Monotonic(), otelusage.WithDescription(hostile))
	must(t, err)
	size, err := tracker.Statistic("size")
	must(t, err)
	a.server, err = tracker.State("server", "Avalon")
	must(t, err)
	play, err := tracker.Timer("play")
	must(t, err)
	trip, err := tracker.Sequence("trip", []string{"town", hostile, "home"})
	must(t, err)
	for day := range days {
		ago.Add(-1)
		a.quests.Add(int64(1 + day%7))
		size.Add(int64(day%3 - 1))
		a.server.Set([]string{"Avalon", hostile, "Camelot"}[day/5%3])
		play.Record(t.Context(), time.Duration(day)*time.Minute)
		if trip.Hit("town"); day%3 == 0 {
			trip.Hit(hostile)
			trip.Hit("home")
		}
		must(t, reader.Record(t.Context()))
	}
	must(t, exp.Submit(t.Context()))
	a.count(t, 3)

	page, err := view.New(mirror, view.WithTitle("Camelot"))
	must(t, err)
	t.Cleanup(func() { must(t, page.Close()) })
	mux := http.NewServeMux()
	mux.Handle("/usage/", http.StripPrefix("/usage", page))
	served := httptest.NewServer(mux)
	t.Cleanup(served.Close)
	a.url = served.URL + "/usage/"
	return a
}

// count counts, and records it.
func (a *application) count(t *testing.T, n int64) {
	t.Helper()
	a.quests.Add(n)
	must(t, a.reader.Record(t.Context()))
}

func (a *application) mode(t *testing.T) localstore.Mode {
	t.Helper()
	c, err := a.mirror.Consent(t.Context())
	must(t, err)
	return c.Mode
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
