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
    promql_expr_test:
`

// TestSmallGroupsAreOther: each panel that shows a state or a version shows none of
// fewer than $k installations, and its sum is what it was.
func TestSmallGroupsAreOther(t *testing.T) {
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("needs Prometheus: apt-get install prometheus")
	}
	panels, err := Panels("../../grafana/usage.json", map[string]string{"application": ".+", "counter": "saves_total", "k": "10"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]int{
		"Installations in each state": {`theme_occupancy{state="dark"}`: 12, `theme_occupancy{state="other"}`: 23, `units_occupancy{state="other"}`: 1},
		"Entries into each state":     {`{trackable="theme",state="dark"}`: 30, `{trackable="theme",state="other"}`: 57, `{trackable="theme"}`: 5, `{trackable="units",state="other"}`: 2},
		"Installations on each version": {`{service_name="editor",service_version="1.0.0"}`: 32,
			`{service_name="editor",service_version="other"}`: 3},
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
			fmt.Fprintf(&text, "          - {labels: '%s', value: %d}\n", labels, value)
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

// TestEveryShownValueHasALeastGroup: what may be a person's text, a label that is not a
// name or a date, is shown by no panel without $k.
func TestEveryShownValueHasALeastGroup(t *testing.T) {
	panels, err := Panels("../../grafana/usage.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range panels {
		for _, expr := range p.Exprs {
			for _, label := range []string{"state)", "state,", "service_version", "via", "$attribute"} {
				if strings.Contains(expr, label) && !strings.Contains(expr, "$k") {
					t.Errorf("%q shows %s of any number of installations: %s", p.Title, label, expr)
				}
			}
		}
	}
}
