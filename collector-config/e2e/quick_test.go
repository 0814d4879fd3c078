package e2e

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/exposition"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/otelcol"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// shown returns what the endpoint shows of our instruments, per series of an
// installation's, added up over versions.
func shown(t *testing.T, p *otelcol.Process) (map[string]float64, error) {
	t.Helper()
	text, err := p.Scrape(t.Context())
	if err != nil {
		return nil, err
	}
	samples, err := exposition.Parse(text)
	if err != nil {
		return nil, err
	}
	var ours []exposition.Sample
	for _, s := range samples {
		if s.Labels["otel_scope_name"] != "" && !strings.HasSuffix(s.Name, "_bucket") {
			ours = append(ours, s)
		}
	}
	return exposition.By(ours, "via", "state", "checkpoint", "period", "date"), nil
}

// The value in the mirror is the value at the endpoint, for all kinds, whatever
// happens to the application and to the answers.
func TestQuickShowsWhatTheMirrorHolds(t *testing.T) {
	p := start(t, addresses(t), []string{"../quick.yaml"})
	way := startLossy(t, p.URL())
	file := filepath.Join(t.TempDir(), "usage.db")
	agree := func(after string) {
		t.Helper()
		want := mirrorTotals(t, file)
		eventually(t, func() error {
			got, err := shown(t, p)
			if err == nil {
				err = same(got, want)
			}
			return err
		})
		t.Log("equal after", after)
	}

	a := launch(t, file, "1.0.0", way.URL)
	a.use(1, "Metric")
	must(t, a.Submit(t.Context()))
	agree("the first submission")
	a.use(2, "US Standard")
	must(t, a.Submit(t.Context()))
	must(t, a.Close())
	agree("a move")

	a = launch(t, file, "1.0.0", way.URL)
	a.use(3, "US Standard")
	must(t, a.Submit(t.Context()))
	must(t, a.Close())
	agree("a restart")

	a = launch(t, file, "2.0.0", way.URL)
	a.use(4, "Metric")
	must(t, a.Submit(t.Context()))
	agree("a new version")

	way.lose.Store(true)
	a.use(5, "US Standard")
	for range 2 {
		if err := a.Submit(t.Context()); err == nil {
			t.Fatal("the answer was lost and nobody noticed")
		}
	}
	a.use(6, "Metric")
	way.lose.Store(false)
	must(t, a.Submit(t.Context()))
	if way.lost.Load() < 2 {
		t.Errorf("%d answers were lost, want 2 at least", way.lost.Load())
	}
	agree("batches that came three times")
	must(t, a.Close())
}

// A Collector that is killed starts its totals again. The archive does not.
func TestKilledCollectorKeepsItsArchive(t *testing.T) {
	at := addresses(t)
	p, err := otelcol.Start(t.Context(), collector(t), at, []string{"../quick.yaml"})
	must(t, err)
	way := startLossy(t, p.URL())
	file := filepath.Join(t.TempDir(), "usage.db")
	a := launch(t, file, "1.0.0", way.URL)
	a.use(3, "Metric")
	must(t, a.Submit(t.Context()))
	way.lose.Store(true)
	a.use(4, "US Standard")
	if err := a.Submit(t.Context()); err == nil {
		t.Error("the answer was lost and nobody noticed")
	}
	must(t, p.Kill())
	way.lose.Store(false)

	a.use(5, "Metric")
	if err := a.Submit(t.Context()); err == nil {
		t.Error("nobody was there, and nobody noticed")
	}
	at.Archive = p.Archive
	p = start(t, at, []string{"../quick.yaml"})
	must(t, a.Submit(t.Context()))
	must(t, a.Close())

	eventually(t, func() error {
		got, err := shown(t, p)
		if err == nil && got["searches_total{via=web}"] != 4+5 {
			err = fmt.Errorf("the endpoint shows %v", got)
		}
		return err
	})
	want := mirrorTotals(t, file)
	if web := want["searches_total{via=web}"]; web != 3+4+5 {
		t.Errorf("the mirror counted %v searches", web)
	}
	must(t, same(archived(t, p.Archive), want))
	rows, err := otelcol.Ask(t.Context(), "..", p.Archive, "resends.sql")
	must(t, err)
	if len(rows) < 2 {
		t.Error("nothing arrived twice")
	}
}

// archived is what the archive's SQL adds up to, as Prometheus names it.
func archived(t *testing.T, archive string) map[string]float64 {
	t.Helper()
	rows, err := otelcol.Ask(t.Context(), "..", archive, "totals.sql")
	must(t, err)
	totals := make(map[string]float64)
	for _, row := range rows[1:] {
		kind, metric, attributes := row[2], row[3], row[4]
		value, err := strconv.ParseFloat(row[5], 64)
		must(t, err)
		name := underscored(metric)
		switch {
		case kind == "timer":
			runs, err := strconv.ParseFloat(row[6], 64)
			must(t, err)
			totals[name+"_seconds_count"] += runs
			name += "_seconds_sum"
		case metric == "otelusage.active": // here the period comes first
			date, period, _ := strings.Cut(attributes, ",")
			name, attributes = name+"_total", period+","+date
		case metric != "items" && metric != "distance" && !strings.HasSuffix(metric, otelusage.OccupancySuffix):
			name += "_total"
		}
		if attributes != "" {
			name += "{" + attributes + "}"
		}
		totals[name] += value
	}
	return totals
}
