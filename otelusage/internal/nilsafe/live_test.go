package nilsafe

import (
	"path/filepath"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/exporter/hq"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp/light"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/localstore/view"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
	"github.com/anonymoususage/anonymoususage-go/sequence"
)

// TestEveryMethodOfWhatWorks, with zero and nil arguments: nil is no option, no
// handler, no part and no metrics.
func TestEveryMethodOfWhatWorks(t *testing.T) {
	usage, err := standalone.Start(t.Context(), standalone.Config{FilePath: filepath.Join(t.TempDir(), "usage.db"), Tracker: new(otelusage.Tracker)})
	must(t, err)
	tracker := usage.Tracker()
	count, err := tracker.Statistic("count")
	must(t, err)
	float, err := tracker.FloatStatistic("float")
	must(t, err)
	state, err := tracker.State("state", "A")
	must(t, err)
	timer, err := tracker.Timer("timer")
	must(t, err)
	funnel, err := tracker.Sequence("sequence", []string{"A", "B"})
	must(t, err)
	everyMethod(t, "Run", timer.Begin())
	everyMethod(t, "SequenceRun", funnel.NewRun())
	for name, v := range map[string]any{"Statistic": count, "FloatStatistic": float, "State": state, "Timer": timer, "Sequence": funnel, "Tracker": tracker} {
		everyMethod(t, name, v)
	}
	pure, err := sequence.New("A")
	must(t, err)
	everyMethod(t, "sequence.Sequence", pure)

	store, err := localstore.Open(filepath.Join(t.TempDir(), "usage.db"), localstore.WithErrorHandler(nil))
	must(t, err)
	exp, err := exporter.New(store, nil, exporter.WithErrorHandler(func(error) {}))
	must(t, err)
	page, err := view.New(store, nil, view.WithErrorHandler(func(error) {}))
	must(t, err)
	everyMethod(t, "view.Handler", page)
	snap, err := store.Snapshot(t.Context(), snapshot.Query{})
	must(t, err)
	everyMethod(t, "Snapshot", snap)
	everyMethod(t, "exporter.Reader", exporter.NewReader(exp))
	writer, err := store.Writer(true)
	must(t, err)
	everyMethod(t, "Writer", writer)

	for name, forwarder := range map[string]func() (sdkmetric.Exporter, error){
		"otlp.Exporter": func() (sdkmetric.Exporter, error) {
			return otlp.New(t.Context(), otlp.WithEndpointURL("http://127.0.0.1:1"))
		},
		"light.Exporter": func() (sdkmetric.Exporter, error) {
			return light.New(t.Context(), light.WithEndpointURL("http://127.0.0.1:1"))
		},
		"hq.Exporter": func() (sdkmetric.Exporter, error) {
			return hq.New(hq.Config{Host: "http://127.0.0.1:1", APIKey: "key"})
		},
	} {
		alone, err := forwarder()
		must(t, err)
		everyMethod(t, name, alone)
		owned, err := forwarder()
		must(t, err)
		forwarding, err := exporter.New(store, exporter.WithForwarder(owned), exporter.WithErrorHandler(func(error) {}))
		must(t, err)
		everyMethod(t, "exporter.Exporter", forwarding)
	}
	everyMethod(t, "Store", store)
	everyMethod(t, "Usage", usage)
}
