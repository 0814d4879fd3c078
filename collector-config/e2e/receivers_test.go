package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"
)

// ten are ten installations that restart, change their version and lose answers. It
// returns what their mirrors hold, and how many answers were lost.
func ten(t *testing.T, url string) (want map[string]float64, lost int64) {
	t.Helper()
	way, dir := startLossy(t, url), t.TempDir()
	want = make(map[string]float64)
	for i := range 10 {
		file := filepath.Join(dir, fmt.Sprint(i), "usage.db")
		for run, version := range []string{"1.0.0", "1.0.0", "2.0.0"} {
			a := launch(t, file, version, way.URL)
			a.use(int64(1+i+run), []string{"Metric", "Imperial", "US Standard"}[(i+run)%3])
			way.lose.Store((i+run)%2 == 1)
			err := a.Submit(t.Context())
			if lose := way.lose.Swap(false); lose == (err == nil) {
				t.Fatalf("the answer was lost: %v, and the submission ended with: %v", lose, err)
			}
			must(t, a.Submit(t.Context())) // the same points again, where the answer was lost
			must(t, a.Close())
		}
		for name, value := range mirrorTotals(t, file) {
			want[name] += value
		}
	}
	return want, way.lost.Load()
}

// shows compares until it is equal: what was accepted may not be visible at once.
func (o other) shows(t *testing.T, want map[string]float64) {
	t.Helper()
	eventually(t, func() error {
		got, err := o.added(t)
		if err == nil {
			err = same(got, want)
		}
		return err
	})
}

// TestPrometheus3AddsUp: it stores deltas, and a resend is the same sample. Each of its
// series belongs to one installation.
func TestPrometheus3AddsUp(t *testing.T) {
	o, _ := startPrometheus3(t, t.TempDir(), native)
	want, lost := ten(t, o.metrics)
	o.shows(t, want)
	if lost == 0 {
		t.Error("no answer was lost")
	}
	o.distinguishes(t, 10, `count(count by (instance) (last_over_time(searches_total[1h])))`, `count(count by (app_installation_id) (last_over_time(target_info[1h])))`)
}

// TestVictoriaMetricsAddsUp: with names as Prometheus has them, and one of equal samples.
func TestVictoriaMetricsAddsUp(t *testing.T) {
	o := startVictoriaMetrics(t, naming, dedup)
	want, lost := ten(t, o.metrics)
	o.shows(t, want)
	if lost == 0 {
		t.Error("no answer was lost")
	}
	o.distinguishes(t, 10, `count(count by (app_installation_id) (last_over_time(searches_total[1h])))`)
}

// The flags that VictoriaMetrics needs.
const (
	naming = "-opentelemetry.usePrometheusNaming"
	dedup  = "-dedup.minScrapeInterval=1ms"
)

// distinguishes holds the receiver to what the documentation says of it: that it knows
// single installations.
func (o other) distinguishes(t *testing.T, installations float64, exprs ...string) {
	t.Helper()
	for _, expr := range exprs {
		values, err := o.Query(t.Context(), expr)
		must(t, err)
		if len(values) != 1 || values[0].Value != installations {
			t.Errorf("%s is %v, want %v", expr, values, installations)
		}
	}
}

// TestVictoriaMetricsNeedsItsFlags: without them a resend counts twice, and names have dots.
func TestVictoriaMetricsNeedsItsFlags(t *testing.T) {
	o := startVictoriaMetrics(t, naming)
	want, _ := ten(t, o.metrics)
	o.flush(t)
	got, err := o.added(t)
	must(t, err)
	if got["searches_total{via=web}"] <= want["searches_total{via=web}"] {
		t.Errorf("without %s nothing counts twice: %v, want more than %v", dedup, got, want)
	}
	o = startVictoriaMetrics(t, dedup)
	_, _ = ten(t, o.metrics)
	o.flush(t)
	names, err := o.Names(t.Context(), ours)
	must(t, err)
	if !slices.Contains(names, "units.occupancy") || slices.Contains(names, "searches_total") {
		t.Errorf("without %s the names are %q", naming, names)
	}
}

// TestPrometheus3NeedsTheVersion: two versions of an installation submit in one batch.
// Where the version is no label, they are one series with two values at one time.
func TestPrometheus3NeedsTheVersion(t *testing.T) {
	o, _ := startPrometheus3(t, t.TempDir(), native, "promote_resource_attributes: [service.name, service.version]", "promote_resource_attributes: []")
	file := filepath.Join(t.TempDir(), "usage.db")
	a := launch(t, file, "1.0.0", o.metrics)
	a.use(1, "Metric")
	must(t, errors.Join(a.Submit(t.Context()), a.Close()))
	a = launch(t, file, "2.0.0", o.metrics)
	a.use(1, "Metric")
	if err := a.Submit(t.Context()); err == nil {
		t.Error("both versions were accepted")
	}
	if got, err := o.added(t); err != nil || got["units_occupancy{state=Metric}"] == 1 {
		t.Errorf("it has %v, %v", got, err)
	}
}

// TestPrometheus3RefusesDeltas: as it comes, it stores nothing, and the mirror keeps all.
func TestPrometheus3RefusesDeltas(t *testing.T) {
	o, _ := startPrometheus3(t, t.TempDir(), neither)
	a := launch(t, filepath.Join(t.TempDir(), "usage.db"), "1.0.0", o.metrics)
	a.use(1, "Metric")
	if err := a.Submit(t.Context()); err == nil || !strings.Contains(err.Error(), "500") {
		t.Errorf("Submit: %v", err)
	}
	if names, err := o.Names(t.Context(), ours); err != nil || len(names) > 0 {
		t.Errorf("it stored %q, %v", names, err)
	}
}

// TestDeltaToCumulativeForgets: Prometheus' own conversion begins again at zero after a
// restart, as it does five minutes after the last submission of a series.
func TestDeltaToCumulativeForgets(t *testing.T) {
	data, file := t.TempDir(), filepath.Join(t.TempDir(), "usage.db")
	for run := range 2 {
		o, kill := startPrometheus3(t, data, toCumulative)
		a := launch(t, file, "1.0.0", o.metrics)
		a.use(5, "Metric")
		must(t, errors.Join(a.Submit(t.Context()), a.Close()))
		values, err := o.Query(t.Context(), `searches_total{via="web"}`)
		must(t, err)
		if len(values) != 1 || values[0].Value != 5 {
			t.Errorf("after start %d the total is %v", run+1, values)
		}
		kill()
	}
}

// TestClocks: what is accepted of installations whose clocks are off, and what of it is kept.
func TestClocks(t *testing.T) {
	some := []string{"10 days behind", "5 minutes ahead", "right"}
	o, _ := startPrometheus3(t, t.TempDir(), native)
	answered, kept := o.told(t)
	if !slices.Equal(kept, some) {
		t.Errorf("Prometheus has %q", kept)
	}
	for name, status := range answered { // so the mirror keeps what is not kept there
		if accepted := status == http.StatusOK; accepted != slices.Contains(kept, name) || !accepted && status != http.StatusBadRequest {
			t.Errorf("Prometheus answers %d to %q", status, name)
		}
	}
	answered, kept = startVictoriaMetrics(t, naming, dedup).told(t)
	if want := []string{"1 hour ahead", "10 days behind", "380 days behind", "40 days behind", "40 hours ahead", "5 minutes ahead", "right"}; !slices.Equal(kept, want) {
		t.Errorf("VictoriaMetrics has %q", kept)
	}
	for name, status := range answered { // so the rest is lost
		if status != http.StatusOK {
			t.Errorf("VictoriaMetrics answers %d to %q", status, name)
		}
	}
	_, kept = startVictoriaMetrics(t, naming, dedup, "-retentionPeriod=1").told(t)
	if slices.Contains(kept, "40 days behind") {
		t.Errorf("VictoriaMetrics has %q for a month", kept)
	}
}

// clocks are how far installations' clocks are off.
var clocks = map[string]time.Duration{
	"right": 0, "10 days behind": -240 * time.Hour, "40 days behind": -960 * time.Hour, "380 days behind": -9120 * time.Hour, "50 years behind": -50 * 8760 * time.Hour,
	"5 minutes ahead": 5 * time.Minute, "1 hour ahead": time.Hour, "40 hours ahead": 40 * time.Hour, "3 days ahead": 72 * time.Hour, "50 years ahead": 50 * 8760 * time.Hour,
}

// told sends one point of an installation with each clock. It returns how each was
// answered, and which of them a total has.
func (o other) told(t *testing.T) (answered map[string]int, kept []string) {
	t.Helper()
	answered = make(map[string]int)
	now := time.Now()
	for name, off := range clocks {
		body, err := proto.Marshal(onePoint(name, now.Add(off)))
		must(t, err)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, o.metrics, bytes.NewReader(body))
		must(t, err)
		req.Header.Set("Content-Type", "application/x-protobuf")
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		must(t, resp.Body.Close())
		answered[name] = resp.StatusCode
	}
	o.flush(t)
	eventually(t, func() error {
		values, err := o.QueryAt(t.Context(), `sum by (via) (sum_over_time(saves_total[400d]))`, now.Add(96*time.Hour))
		if err == nil && len(values) == 0 {
			err = errors.New("nothing is stored")
		}
		kept = nil
		for _, v := range values {
			kept = append(kept, v.Labels["via"])
		}
		return err
	})
	slices.Sort(kept)
	return answered, kept
}

func onePoint(name string, at time.Time) *colmetricpb.ExportMetricsServiceRequest {
	text := func(key, value string) []*commonpb.KeyValue {
		return []*commonpb.KeyValue{{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}}
	}
	return &colmetricpb.ExportMetricsServiceRequest{ResourceMetrics: []*metricspb.ResourceMetrics{{
		Resource: &resourcepb.Resource{Attributes: append(text("service.name", "editor"), text("service.instance.id", name)...)},
		ScopeMetrics: []*metricspb.ScopeMetrics{{Metrics: []*metricspb.Metric{{Name: "saves", Data: &metricspb.Metric_Sum{Sum: &metricspb.Sum{
			AggregationTemporality: metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA, IsMonotonic: true,
			DataPoints: []*metricspb.NumberDataPoint{{Attributes: text("via", name), TimeUnixNano: uint64(at.UnixNano()), Value: &metricspb.NumberDataPoint_AsInt{AsInt: 1}}},
		}}}}}},
	}}}
}
