package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/collector-config/exposition"
	"github.com/anonymoususage/anonymoususage-go/collector-config/otelcol"
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
