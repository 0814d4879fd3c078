package grafana

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/barchart"
	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// validate returns what Grafana's schema has against a dashboard: fields that are
// unknown, missing or of another type, and values out of range, also in the options
// of each kind of panel and in the queries.
func validate(content []byte) error {
	runtime := cog.NewRuntime()
	for _, panel := range []func() variants.PanelcfgConfig{barchart.VariantConfig, bargauge.VariantConfig, table.VariantConfig, timeseries.VariantConfig} {
		runtime.RegisterPanelcfgVariant(panel())
	}
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())
	//lint:ignore SA1019 people import the dashboard by its first schema, which every Grafana reads
	var strict, d dashboard.Dashboard
	err := strict.UnmarshalJSONStrict(content)
	// It returns an empty list for none, and then leaves out the panels.
	if list := (cog.BuildErrors)(nil); err != nil && !(errors.As(err, &list) && len(list) == 0) {
		return err
	}
	if err := json.Unmarshal(content, &d); err != nil {
		return err
	}
	for _, p := range d.Panels {
		if p.Panel == nil {
			return errors.New("a row of panels is not expected")
		}
		if _, known := runtime.ConfigForPanelcfgVariant(p.Panel.Type); !known {
			return errors.New("nothing checks the options of " + p.Panel.Type)
		}
	}
	return d.Validate()
}

func TestDashboardIsWhatGrafanaReads(t *testing.T) {
	content, err := os.ReadFile("usage.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(content); err != nil {
		t.Error(err)
	}
	for what, edit := range map[string][2]string{
		"a field":            {`"uid": "anonymoususage"`, `"uidd": "anonymoususage"`},
		"a type":             {`"refresh": "5m"`, `"refresh": 5`},
		"a field of a panel": {`"gridPos"`, `"gridpos"`},
		"an option":          {`"xField"`, `"xfield"`},
		"a missing option":   {`"groupWidth": 0.7,`, ``},
		"a word":             {`"displayMode": "list"`, `"displayMode": 3`},
		"a panel":            {`"type": "barchart"`, `"type": "barcharts"`},
		"a query":            {`"legendFormat"`, `"legend"`},
		"a variable":         {`"includeAll": true`, `"includeAll": "yes"`},
	} {
		if !strings.Contains(string(content), edit[0]) {
			t.Errorf("the dashboard has no %s", edit[0])
		}
		if validate([]byte(strings.Replace(string(content), edit[0], edit[1], 1))) == nil {
			t.Errorf("%s that is wrong, %s, is not noticed", what, edit[1])
		}
	}
}
