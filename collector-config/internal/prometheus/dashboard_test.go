package prometheus

import (
	"os"
	"strings"
	"testing"
)

// The README says what each panel asks: it must be what it asks.
func TestReadmeHasEveryPanel(t *testing.T) {
	panels, err := Panels("../../grafana/usage.json", map[string]string{"application": ".+", "counter": "searches_total", "k": "10"})
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if len(panels) < 16 {
		t.Errorf("the dashboard has %d panels", len(panels))
	}
	for _, p := range panels {
		if !strings.Contains(string(readme), "| "+p.Title+" |") {
			t.Errorf("README.md has no panel %q", p.Title)
		}
		for _, expr := range p.Exprs {
			if !strings.Contains(string(readme), "`"+expr+"`") {
				t.Errorf("README.md does not say that %q asks %s", p.Title, expr)
			}
		}
	}
}

func TestPanelsOfWhatIsNoDashboard(t *testing.T) {
	for _, file := range []string{"missing.json", "prometheus.go"} {
		if _, err := Panels(file, nil); err == nil {
			t.Errorf("%s: no error", file)
		}
	}
}
