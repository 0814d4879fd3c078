package exporter

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// TestEraseDuringARequestOfAnotherProcess: the request arrives after the
// erasure, and what it said of states is taken back by who sent it.
func TestEraseDuringARequestOfAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	f := delta()
	var other *localstore.Store
	f.answer = func(context.Context, *metricdata.ResourceMetrics) error {
		if other == nil {
			return nil
		}
		s := other
		other = nil
		return s.Erase(context.Background())
	}
	clock := newClock()
	r := setup{path: path, clock: clock, opts: []Option{WithForwarder(f)}}.start(t)
	r.state("theme", "dark")
	r.record()
	opened, err := localstore.Open(path, localstore.WithClock(clock.now))
	must(t, err)
	other = opened
	if err := r.exporter.Submit(t.Context()); err != nil && !errors.Is(err, localstore.ErrLeaseLost) {
		t.Fatal(err)
	}
	seen := 0
	for _, rm := range f.requests() {
		for key := range received([]*metricdata.ResourceMetrics{rm}) {
			if strings.Contains(key, "theme.occupancy") {
				seen++
			}
		}
	}
	if seen != 2 {
		t.Errorf("%d requests name the state, want one that enters it and one that takes it back", seen)
	}
	for key, n := range received(f.requests()) {
		if strings.Contains(key, "theme.occupancy") && n != 0 {
			t.Errorf("%s is left at %v, want 0", key, n)
		}
	}
	must(t, opened.Close())
	r.end()
}
