package prometheus

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"strings"
)

// Panel is a panel of a Grafana dashboard, as far as it says what is shown.
type Panel struct {
	Title string
	Type  string // "timeseries", "table", "barchart" or "bargauge"
	Grid  Grid
	Exprs []string // those of Targets

	Targets []Target
	Unit    string
	Max     *float64          // of a bargauge; the largest value by default
	XField  string            // of a barchart
	Renamed map[string]string // columns of a table
	Hidden  map[string]bool   // columns of a table
}

// Grid is where a panel is, in 24 columns.
type Grid struct{ X, Y, W, H int }

// Target is a query of a panel.
type Target struct {
	RefID   string
	Expr    string
	Legend  string // with {{label}} for the value of a label
	Instant bool
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
			Title, Type string
			GridPos     Grid
			Targets     []struct {
				RefID, Expr, LegendFormat string
				Instant                   bool
			}
			FieldConfig struct {
				Defaults struct {
					Unit string
					Max  *float64
				}
			}
			Options         struct{ XField string }
			Transformations []struct {
				Options struct {
					RenameByName  map[string]string
					ExcludeByName map[string]bool
				}
			}
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
		panel := Panel{Title: fill(p.Title), Type: p.Type, Grid: p.GridPos, Unit: p.FieldConfig.Defaults.Unit, Max: p.FieldConfig.Defaults.Max,
			XField: p.Options.XField, Renamed: make(map[string]string), Hidden: make(map[string]bool)}
		for _, t := range p.Targets {
			target := Target{RefID: t.RefID, Expr: fill(t.Expr), Legend: t.LegendFormat, Instant: t.Instant}
			panel.Exprs, panel.Targets = append(panel.Exprs, target.Expr), append(panel.Targets, target)
		}
		for _, t := range p.Transformations {
			maps.Copy(panel.Renamed, t.Options.RenameByName)
			maps.Copy(panel.Hidden, t.Options.ExcludeByName)
		}
		panels = append(panels, panel)
	}
	return panels, nil
}
