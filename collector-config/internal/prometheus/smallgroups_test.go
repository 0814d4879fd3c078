package prometheus

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// stored is what Prometheus has of a young application: twelve installations in one
// state and version, three of them elsewhere.
const stored = `
rule_files: []
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'theme_occupancy{otelusage_kind="state",service_name="editor",service_version="1.0.0",state="dark"}', values: 12}
      - {series: 'theme_occupancy{otelusage_kind="state",service_name="editor",service_version="9.9.9-ada",state="ada@example.com"}', values: 1}
      - {series: 'theme_occupancy{otelusage_kind="state",service_name="editor",service_version="2.0.0",state="light"}', values: 2}
      - {series: 'theme_occupancy{otelusage_kind="state",service_name="editor",service_version="1.0.0",state="other"}', values: 20}
      - {series: 'units_occupancy{otelusage_kind="state",service_name="editor",service_version="1.0.0",state="dark"}', values: 1}
      - {series: 'room_occupancy{otelusage_kind="statistic",service_name="editor",service_version="1.0.0"}', values: 999}
      - {series: 'theme_changes_total{otelusage_kind="state",service_name="editor",service_version="1.0.0",state="dark"}', values: 30}
      - {series: 'theme_changes_total{otelusage_kind="state",service_name="editor",service_version="1.0.0",state="ada@example.com"}', values: 50}
      - {series: 'theme_changes_total{otelusage_kind="state",service_name="editor",service_version="2.0.0",state="light"}', values: 7}
      - {series: 'theme_changes_total{otelusage_kind="state",service_name="editor",service_version="2.0.0"}', values: 5}
      - {series: 'units_changes_total{otelusage_kind="state",service_name="editor",service_version="1.0.0",state="dark"}', values: 2}
      - {series: 'otelusage_active_total{date="2026-11-01",period="month",service_name="editor",service_version="1.0.0"}', values: 31}
      - {series: 'otelusage_active_total{date="2026-11-01",period="month",service_name="editor",service_version="9.9.9-ada"}', values: 1}
      - {series: 'otelusage_active_total{date="2026-11-01",period="month",service_name="editor",service_version="2.0.0"}', values: 2}
      - {series: 'otelusage_active_total{date="2026-11-01",period="month",service_name="lab-of-ada",service_version="1.0.0"}', values: 1}
      - {series: 'otelusage_active_total{date="2026-11-02",period="day",service_name="editor",service_version="1.0.0"}', values: 12}
      - {series: 'otelusage_active_total{date="2026-11-03",period="day",service_name="editor",service_version="1.0.0"}', values: 3}
      - {series: 'otelusage_active_total{date="1970-01-01",period="day",service_name="editor",service_version="1.0.0"}', values: 1}
      - {series: 'saves_total{otelusage_kind="statistic",service_name="editor"}', values: 70x10}
      - {series: 'saves_total{otelusage_kind="statistic",service_name="lab-of-ada"}', values: 5x10}
      - {series: 'thesis_total{otelusage_kind="statistic",service_name="lab-of-ada"}', values: 5}
      - {series: 'session_seconds_count{otelusage_kind="timer",service_name="editor"}', values: 8}
      - {series: 'session_seconds_sum{otelusage_kind="timer",service_name="editor"}', values: 80}
      - {series: 'thesis_seconds_count{otelusage_kind="timer",service_name="lab-of-ada"}', values: 8}
      - {series: 'thesis_seconds_sum{otelusage_kind="timer",service_name="lab-of-ada"}', values: 80}
      - {series: 'session_seconds_bucket{le="1",otelusage_kind="timer",service_name="editor"}', values: 8}
      - {series: 'session_seconds_bucket{le="+Inf",otelusage_kind="timer",service_name="editor"}', values: 8}
      - {series: 'thesis_seconds_bucket{le="1",otelusage_kind="timer",service_name="lab-of-ada"}', values: 8}
      - {series: 'thesis_seconds_bucket{le="+Inf",otelusage_kind="timer",service_name="lab-of-ada"}', values: 8}
      - {series: 'trip_checkpoints_total{checkpoint="start",otelusage_kind="sequence",service_name="editor"}', values: 4}
      - {series: 'trip_total{otelusage_kind="sequence",service_name="editor"}', values: 2}
      - {series: 'thesis_checkpoints_total{checkpoint="start",otelusage_kind="sequence",service_name="lab-of-ada"}', values: 4}
      - {series: 'thesis_total{otelusage_kind="sequence",service_name="lab-of-ada"}', values: 2}
    promql_expr_test:
`

// TestSmallGroupsAreOther: each panel that shows a state, a version or a date shows none
// of fewer than $k installations, and its sum is what it was. None shows anything of an
// application that fewer use.
func TestSmallGroupsAreOther(t *testing.T) {
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("needs Prometheus: apt-get install prometheus")
	}
	panels, err := Panels("../../grafana/usage.json", map[string]string{"application": ".+", "counter": "saves_total", "k": "10"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]float64{
		"Installations in each state": {`theme_occupancy{state="dark"}`: 12, `theme_occupancy{state="other"}`: 23, `units_occupancy{state="other"}`: 1},
		"Entries into each state":     {`{trackable="theme",state="dark"}`: 30, `{trackable="theme",state="other"}`: 57, `{trackable="theme"}`: 5, `{trackable="units",state="other"}`: 2},
		"Installations on each version": {`{service_name="editor",service_version="1.0.0"}`: 32,
			`{service_name="editor",service_version="other"}`: 3},
		"Active installations by day":                 {`{date="2026-11-02"}`: 12, `{date="other"}`: 4},
		"Statistic totals":                            {`saves_total`: 70, `room_occupancy`: 999},
		"Statistic totals over time":                  {`saves_total`: 70, `room_occupancy`: 999},
		"Rate of saves_total":                         {`{service_name="editor"}`: 0},
		"Timer percentiles":                           {`{timer="session"}`: 0.5},
		"Timers":                                      {`{timer="session"}`: 8},
		"Sequence funnel":                             {`{sequence="trip",checkpoint="start"}`: 4},
		"Share of begun sequences that are completed": {`{sequence="trip"}`: 0.5},
		"Active installations by month and version": {`{date="2026-11-01",service_name="editor",service_version="1.0.0"}`: 31,
			`{date="2026-11-01",service_name="editor",service_version="other"}`: 3},
	}
	text, tested := strings.Builder{}, 0
	text.WriteString(stored)
	for _, p := range panels {
		samples, ok := want[p.Title]
		if !ok {
			continue
		}
		tested++
		expr, err := json.Marshal(p.Exprs[0])
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "      - expr: %s\n        eval_time: 5m\n        exp_samples:\n", expr)
		for labels, value := range samples {
			fmt.Fprintf(&text, "          - {labels: '%s', value: %v}\n", labels, value)
		}
	}
	if tested != len(want) {
		t.Errorf("%d panels of %d are there", tested, len(want))
	}
	file := filepath.Join(t.TempDir(), "test.yml")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), tool, "test", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestEveryPanelHasALeastGroup: what installations told is shown by no panel without $k;
// what the Collector tells of itself is nobody's.
func TestEveryPanelHasALeastGroup(t *testing.T) {
	panels, err := Panels("../../grafana/usage.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range panels {
		for _, expr := range p.Exprs {
			if own := strings.Contains(expr, "otelcol_") || strings.Contains(expr, "scrape_samples"); own == strings.Contains(expr, "$k") {
				t.Errorf("%q shows the values of any number of installations: %s", p.Title, expr)
			}
		}
	}
}
