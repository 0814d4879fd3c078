package drawing

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/prometheus"
)

func series(labels map[string]string, values ...float64) prometheus.Series {
	s := prometheus.Series{Labels: labels}
	for i, v := range values {
		s.Points = append(s.Points, prometheus.Point{At: time.Unix(int64(i), 0), Value: v})
	}
	return s
}

func target(legend string) []prometheus.Target {
	return []prometheus.Target{{RefID: "A", Legend: legend}}
}

// Each kind of panel shows the names and the values of its series.
func TestPanelsShowNamesAndValues(t *testing.T) {
	most := 1.0
	for _, tt := range []struct {
		panel   prometheus.Panel
		results [][]prometheus.Series
		want    []string
	}{
		{prometheus.Panel{Type: "timeseries", Targets: target("{{app}} p50"), Unit: "s"},
			[][]prometheus.Series{{series(map[string]string{"app": "<editor>"}, 0, 90, 60)}}, []string{"&lt;editor&gt; p50", "1m30s", "<polyline"}},
		{prometheus.Panel{Type: "barchart", Targets: target(""), XField: "date"},
			[][]prometheus.Series{{series(map[string]string{"date": "2026-11-02"}, 12500), series(map[string]string{"date": "2026-11-01"}, 7)}},
			[]string{"2026-11-01", "12.5 K"}},
		{prometheus.Panel{Type: "bargauge", Targets: target("{{s}}: share"), Unit: "percentunit", Max: &most},
			[][]prometheus.Series{{series(map[string]string{"s": "export"}, 0.5)}}, []string{"export: share", "50.0 %"}},
		{prometheus.Panel{Type: "table", Targets: append(target(""), prometheus.Target{RefID: "B"}),
			Renamed: map[string]string{"Value #B": "mean"}, Hidden: map[string]bool{"job": true}},
			[][]prometheus.Series{{series(map[string]string{"timer": "session", "job": "x"}, 4)}, {series(map[string]string{"timer": "session", "job": "x"}, 2.5)}},
			[]string{">session<", ">4<", ">mean<", ">2.5<"}},
		{prometheus.Panel{Type: "table", Targets: target("")}, [][]prometheus.Series{nil}, []string{"No data"}},
		{prometheus.Panel{Type: "timeseries", Targets: target("")}, [][]prometheus.Series{nil}, []string{"No data"}},
	} {
		var d Picture
		tt.panel.Title, tt.panel.Grid = "A title", prometheus.Grid{W: 12, H: 8}
		if err := d.Add(tt.panel, tt.results); err != nil {
			t.Fatal(err)
		}
		svg := d.SVG()
		for _, want := range append(tt.want, "A title") {
			if !strings.Contains(svg, want) {
				t.Errorf("%s shows no %q:\n%s", tt.panel.Type, want, svg)
			}
		}
		for decoder := xml.NewDecoder(strings.NewReader(svg)); ; {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", tt.panel.Type, err)
			}
		}
	}
	if err := new(Picture).Add(prometheus.Panel{Type: "piechart"}, nil); err == nil {
		t.Error("a kind of panel that is not known is drawn")
	}
}
