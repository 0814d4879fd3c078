package e2e

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/drawing"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/fleet"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/prometheus"
)

// scraped starts Prometheus with the shipped file on a running Collector.
func scraped(t *testing.T, show, telemetry string) *prometheus.Server {
	t.Helper()
	if _, err := exec.LookPath(prometheus.Program); err != nil {
		t.Skip("needs Prometheus: apt-get install prometheus")
	}
	s, err := prometheus.Start(t.Context(), "../prometheus.yml", t.TempDir(), map[string]string{
		"localhost:8889": show, "localhost:8888": telemetry, "scrape_interval: 15s": "scrape_interval: 1s",
	})
	must(t, err)
	t.Cleanup(s.Stop)
	return s
}

// Every expression of the dashboard returns data, and what can be counted is
// what was sent.
func TestDashboardShowsTheFleet(t *testing.T) {
	p := start(t, addresses(t), []string{"../production.yaml"})
	server := scraped(t, p.Prometheus, p.Telemetry)
	r, err := fleet.Run(t.Context(), p.URL(), fleet.Config{Installations: 1000, Seed: 7, Until: time.Now()})
	must(t, err)
	want := r.Sent.Plotted(time.Now())
	shows(t, p, want)

	panels, err := prometheus.Panels("../grafana/usage.json", map[string]string{"application": ".+", "counter": "searches_total", "k": "10"})
	must(t, err)
	for _, panel := range panels {
		if len(panel.Exprs) == 0 || strings.Contains(fmt.Sprint(panel), "$application") || strings.Contains(panel.Title, "$") {
			t.Errorf("the panel %q asks %q", panel.Title, panel.Exprs)
		}
		for _, expr := range panel.Exprs {
			eventually(t, func() error { // a rate needs two scrapes
				values, err := server.Query(t.Context(), expr)
				if err == nil && len(values) == 0 {
					err = errors.New("nothing")
				}
				if err != nil {
					err = fmt.Errorf("%s: %s: %w", panel.Title, expr, err)
				}
				return err
			})
		}
	}

	// It can be drawn, and no panel is empty.
	var picture drawing.Picture
	now := time.Now()
	for _, panel := range panels {
		results, err := server.Results(t.Context(), panel, now.Add(-time.Minute), now, time.Second)
		must(t, err)
		must(t, picture.Add(panel, results))
	}
	if svg := picture.SVG(); strings.Contains(svg, "No data") {
		t.Errorf("a panel shows nothing:\n%s", svg)
	}

	// What was sent, as the dashboard adds it up where it hides nothing.
	panels, err = prometheus.Panels("../grafana/usage.json", map[string]string{"application": ".+", "counter": "searches_total", "k": "1"})
	must(t, err)
	sums := make(map[string]float64)
	for s, total := range want {
		sums[s.Metric+"{"+s.Attributes+"}"] += total.Sum
	}
	for expr, label := range map[string][2]string{
		panels[0].Exprs[0]: {"otelusage.active{date=%s,period=day}", "date"},
		panels[1].Exprs[0]: {"otelusage.active{date=%s,period=week}", "date"},
		panels[2].Exprs[0]: {"otelusage.active{date=%s,period=month}", "date"},
		`sum by (state) ({__name__=~".+_occupancy",state!=""})`:    {"units.occupancy{state=%s}", "state"},
		`sum by (checkpoint) ({__name__=~".+_checkpoints_total"})`: {"export.checkpoints{checkpoint=%s}", "checkpoint"},
	} {
		eventually(t, func() error {
			values, err := server.Query(t.Context(), expr)
			if err == nil && len(values) == 0 {
				err = errors.New("nothing")
			}
			for _, v := range values {
				key := fmt.Sprintf(label[0], v.Labels[label[1]])
				if v.Value != sums[key] {
					err = errors.Join(err, fmt.Errorf("%s is shown as %v, sent were %v", key, v.Value, sums[key]))
				}
			}
			return err
		})
	}
}

// The file itself is one that Prometheus takes.
func TestPrometheusConfigurationIsValid(t *testing.T) {
	collector(t)
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("needs Prometheus: apt-get install prometheus")
	}
	if out, err := exec.CommandContext(t.Context(), tool, "check", "config", "../prometheus.yml").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
