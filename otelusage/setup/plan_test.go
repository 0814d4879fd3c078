package setup

import (
	"fmt"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

func TestPlanOfAConfiguration(t *testing.T) {
	for name, tt := range map[string]struct {
		text string // of the file
		want otelusage.PlannedSending
	}{
		"collector": {"submit_interval_s = 3600\n[OTLP]\nendpoint = https://usage.example.com/hooks/secret\n",
			otelusage.PlannedSending{Destination: "https://usage.example.com", Protocol: "OTLP/HTTP", IntervalSeconds: 3600}},
		"HQ": {"submit_interval_s = 60\n[HQ]\nhost = www.usagetrackerapp.com\napi_key = secret\n",
			otelusage.PlannedSending{Destination: "https://www.usagetrackerapp.com", Protocol: "HQ", IntervalSeconds: 60, Totals: true}},
		"never sends":    {"[OTLP]\nendpoint = https://usage.example.com\n", otelusage.PlannedSending{}},
		"no destination": {"", otelusage.PlannedSending{}},
	} {
		c, err := parse("usage.ini", []byte("[General]\nfilepath = usage.db\napplication_name = game\napplication_version = 1.0\n"+tt.text))
		if err != nil {
			t.Fatal(err)
		}
		c.Tracker = new(otelusage.Tracker)
		got := c.Plan().Sending
		if sends := tt.want.Destination != ""; len(got.With) > 2 != sends {
			t.Errorf("%s: with %v", name, got.With)
		}
		got.With = nil
		if fmt.Sprint(*got) != fmt.Sprint(tt.want) {
			t.Errorf("%s: %+v, want %+v", name, *got, tt.want)
		}
	}
	refused := Config{FilePath: "usage.db", Tracker: new(otelusage.Tracker), OTLP: &OTLP{}, SubmitInterval: time.Hour}
	if got := refused.Plan().Sending; got.Destination != "" {
		t.Errorf("a refused configuration sends to %q", got.Destination)
	}
}
