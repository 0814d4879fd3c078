package e2e

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/exposition"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/otelcol"
)

// counted is what the aggregate shows of a metric whose name has the prefix,
// without zeros, by version and the given label.
func counted(t *testing.T, p *otelcol.Process, name, label string) (map[string]float64, error) {
	t.Helper()
	text, err := p.Scrape(t.Context())
	if err != nil {
		return nil, err
	}
	samples, err := exposition.Parse(text)
	if err != nil {
		return nil, err
	}
	found := make(map[string]float64)
	for _, s := range samples {
		if s.Name == name && s.Value != 0 {
			found[strings.Trim(s.Labels["service_version"]+" "+s.Labels[label], " ")] += s.Value
		}
	}
	return found, nil
}

func occupies(t *testing.T, p *otelcol.Process, after string, want map[string]float64) {
	t.Helper()
	eventually(t, func() error {
		got, err := counted(t, p, "units_occupancy", "state")
		if err == nil && !maps.Equal(got, want) {
			err = fmt.Errorf("after %s the states are %v, want %v", after, got, want)
		}
		return err
	})
}

// beats looks only while it is the day it began on: with the next one, later
// submissions bring heartbeats of their own.
func beats(t *testing.T, p *otelcol.Process, began time.Time, after string, want float64) {
	t.Helper()
	if time.Now().UTC().YearDay() != began.UTC().YearDay() {
		return
	}
	eventually(t, func() error {
		got, err := counted(t, p, "otelusage_active_total", "period")
		if err != nil {
			return err
		}
		sums := make(map[string]float64)
		for key, n := range got {
			_, period, _ := strings.Cut(key, " ")
			sums[period] += n
		}
		if !maps.Equal(sums, map[string]float64{"day": want, "week": want, "month": want}) {
			return fmt.Errorf("after %s the heartbeats are %v, want %v of each", after, sums, want)
		}
		return nil
	})
}

// One installation is in one state and active once per period, whatever
// happens to it, all the way to what Prometheus is shown.
func TestOneInstallationCountsOnce(t *testing.T) {
	p, began := start(t, addresses(t), []string{base}), time.Now()
	file := filepath.Join(t.TempDir(), "usage.db")
	submit := func(a *application) {
		t.Helper()
		must(t, a.Submit(t.Context()))
	}

	a := launch(t, file, "1.0.0", p.URL())
	a.use(1, "Metric")
	submit(a)
	occupies(t, p, "the first submission", map[string]float64{"1.0.0 Metric": 1})
	beats(t, p, began, "the first submission", 1)
	must(t, a.Close())

	a = launch(t, file, "1.0.0", p.URL())
	a.searches.Inc()
	submit(a)
	occupies(t, p, "a restart", map[string]float64{"1.0.0 Metric": 1})

	other := launch(t, file, "1.0.0", p.URL())
	other.use(1, "US Standard")
	must(t, other.Flush(t.Context()))
	a.searches.Inc()
	submit(a)
	must(t, other.Close())
	occupies(t, p, "a move of another process", map[string]float64{"1.0.0 US Standard": 1})
	must(t, a.Close())

	a = launch(t, file, "2.0.0", p.URL())
	a.searches.Inc()
	submit(a)
	occupies(t, p, "a new version", map[string]float64{"2.0.0 US Standard": 1})
	must(t, a.Close())

	a = launch(t, file, "2.0.0", strings.Replace(p.URL(), "metrics", "wrong", 1))
	a.use(1, "Metric")
	if a.Submit(t.Context()) == nil {
		t.Error("nobody takes metrics there, and it is no error")
	}
	must(t, a.Close())
	a = launch(t, file, "2.0.0", p.URL())
	submit(a)
	occupies(t, p, "a refusal", map[string]float64{"2.0.0 Metric": 1})

	must(t, a.Disable(t.Context()))
	a.use(1, "US Standard")
	must(t, a.Flush(t.Context()))
	if err := a.Submit(t.Context()); err == nil {
		t.Error("submitted without consent")
	}
	occupies(t, p, "a move without consent", map[string]float64{"2.0.0 Metric": 1})
	must(t, a.Enable(t.Context()))
	a.use(1, "Imperial")
	submit(a)
	occupies(t, p, "a move with consent again", map[string]float64{"2.0.0 Imperial": 1})
	beats(t, p, began, "all of this", 1)

	must(t, a.Erase(t.Context()))
	occupies(t, p, "erasing", map[string]float64{})
	a.use(1, "Metric")
	must(t, errors.Join(a.Submit(t.Context()), a.Close()))
	occupies(t, p, "a new beginning", map[string]float64{"2.0.0 Metric": 1})
	beats(t, p, began, "a new beginning, which is another installation", 2)
}
