package prometheus

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// Panel has the queries of a panel of a Grafana dashboard.
type Panel struct {
	Title string
	Exprs []string
}

// Panels reads a dashboard. Its variables are replaced by the values given,
// without the dollar sign.
func Panels(file string, variables map[string]string) ([]Panel, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read dashboard: %w", err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(content, &dashboard); err != nil {
		return nil, fmt.Errorf("read dashboard: %w", err)
	}
	fill := func(s string) string {
		for name, value := range variables {
			s = strings.ReplaceAll(s, "$"+name, value)
		}
		return s
	}
	var panels []Panel
	for _, p := range dashboard.Panels {
		panel := Panel{Title: fill(p.Title)}
		for _, t := range p.Targets {
			panel.Exprs = append(panel.Exprs, fill(t.Expr))
		}
		panels = append(panels, panel)
	}
	return panels, nil
}
