package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/exposition"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

// count declares one trackable and counts something.
type count func(*otelusage.Tracker) error

func statistic(name string, opts ...otelusage.StatisticOption) count {
	return func(t *otelusage.Tracker) error {
		s, err := t.Statistic(name, opts...)
		s.Add(7)
		return err
	}
}

func timer(name string) count {
	return func(t *otelusage.Tracker) error {
		s, err := t.Timer(name)
		s.Record(context.Background(), 3*time.Second)
		return err
	}
}

// sendAlone submits what an application counts that declares nothing else.
func sendAlone(t *testing.T, url string, c count) {
	t.Helper()
	forwarder, err := otlp.New(t.Context(), otlp.WithEndpointURL(url))
	must(t, err)
	u, err := standalone.Start(t.Context(), standalone.Config{
		FilePath: filepath.Join(t.TempDir(), "usage.db"), ApplicationName: "editor", ApplicationVersion: "1.0.0",
		Forwarder: forwarder, SubmitInterval: time.Hour, CheckInterval: time.Hour, Tracker: new(otelusage.Tracker),
	})
	must(t, err)
	must(t, c(u.Tracker()))
	must(t, u.Submit(t.Context()))
	must(t, u.Close())
}

// TestCollisionsAtACollector shows why a program cannot declare both of a pair: where
// two programs declare one each, a number is that of both, or has a name of its own.
// None is missing. What does not collide is there.
func TestCollisionsAtACollector(t *testing.T) {
	p := start(t, addresses(t), []string{"../production.yaml"})
	for _, c := range []count{
		statistic("save.file"), statistic("save_file"),
		timer("session"), statistic("session_seconds_sum"),
		statistic("saves", otelusage.Monotonic()), statistic("saves_total"),
		timer("load"), statistic("load_count"), statistic("last"),
	} {
		sendAlone(t, p.URL(), c)
	}
	var sums map[string]float64
	eventually(t, func() error {
		text, err := p.Scrape(t.Context())
		if err != nil {
			return err
		}
		samples, err := exposition.Parse(text)
		if sums = exposition.By(samples); err == nil && sums["last"] != 7 {
			err = fmt.Errorf("the last is shown as %v", sums["last"])
		}
		return err
	})
	for name, want := range map[string]float64{
		"save_file":           14,
		"session_seconds_sum": 3, "session_seconds_sum_net": 7,
		"saves_total": 7, "saves_total_net": 7,
		"load_seconds_sum": 3, "load_seconds_count": 1, "load_count": 7,
	} {
		if sums[name] != want {
			t.Errorf("%s is %v, want %v", name, sums[name], want)
		}
	}
	t.Log(sums)
}
