package standalone

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/exporter/hq"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// TestPlanSaysWhatIsSent for each destination, without a mirror.
func TestPlanSaysWhatIsSent(t *testing.T) {
	upload, err := hq.New(hq.Config{Host: "hq.example.com", APIKey: "secret"})
	must(t, err)
	custom := &struct{ sdkmetric.Exporter }{}
	collector := forwardTo(t, "https://usage.example.com/hooks/secret")
	ids := []string{"app.installation.id=", "service.instance.id="}
	common := []string{"host.arch=", "os.type=", "service.name=editor", "service.version=", "telemetry.distro.name=anonymoususage",
		"telemetry.distro.version=", "telemetry.sdk.language=go", "telemetry.sdk.name=opentelemetry"}
	for name, tt := range map[string]struct {
		config Config
		want   otelusage.PlannedSending
		with   []string
	}{
		"local":    {Config{}, otelusage.PlannedSending{}, nil},
		"never":    {Config{Forwarder: collector, SubmitInterval: NeverSubmit}, otelusage.PlannedSending{}, nil},
		"disabled": {Config{Forwarder: collector, Disabled: true}, otelusage.PlannedSending{}, nil},
		"OTLP": {Config{Forwarder: collector}, otelusage.PlannedSending{Destination: "https://usage.example.com", Protocol: "OTLP/HTTP",
			IntervalSeconds: exporter.DefaultSubmitInterval.Seconds()}, slices.Concat(common, ids)},
		"unlinkable": {Config{Forwarder: collector, Unlinkable: true}, otelusage.PlannedSending{Destination: "https://usage.example.com", Protocol: "OTLP/HTTP",
			IntervalSeconds: exporter.DefaultSubmitInterval.Seconds(), Unlinkable: true}, slices.Concat(common, ids[1:])},
		"rotated": {Config{Forwarder: collector, InstallationRotation: 30 * 24 * time.Hour}, otelusage.PlannedSending{Destination: "https://usage.example.com", Protocol: "OTLP/HTTP",
			IntervalSeconds: exporter.DefaultSubmitInterval.Seconds(), RotationSeconds: 30 * 86400}, slices.Concat(common, ids)},
		"HQ": {Config{Forwarder: upload, RequireConsent: true, SubmitInterval: time.Minute}, otelusage.PlannedSending{Destination: "https://hq.example.com", Protocol: "HQ",
			IntervalSeconds: 60, RequireConsent: true, Totals: true}, []string{"service.name=editor", "service.version=", ids[0]}},
		"another": {Config{Forwarder: custom, Resource: resource.NewSchemaless(attribute.String("host.name", "adas-laptop"), attribute.String("os.name", "Debian"))},
			otelusage.PlannedSending{Destination: "a destination of the application's own", Protocol: fmt.Sprintf("%T", custom),
				IntervalSeconds: exporter.DefaultSubmitInterval.Seconds()}, slices.Concat(common[:1], []string{"os.name="}, common[1:], ids)},
	} {
		c := tt.config
		c.ApplicationName, c.ApplicationVersion, c.Tracker, c.FilePath = "editor", "1.2.3", new(otelusage.Tracker), filepath.Join(t.TempDir(), "usage.db")
		_, err := c.Tracker.State("theme", otelusage.NoState)
		must(t, err)
		got := c.Plan()
		var with []string
		for _, w := range got.Sending.With {
			with = append(with, w.Key+"="+w.Value)
			if w.Meaning == "" {
				t.Errorf("%s: nothing says what %s is", name, w.Key)
			}
		}
		got.Sending.With = nil
		if fmt.Sprint(*got.Sending) != fmt.Sprint(tt.want) || !slices.Equal(with, tt.with) {
			t.Errorf("%s: %+v with %q, want %+v with %q", name, *got.Sending, with, tt.want, tt.with)
		}
		if got.Application != "editor" || len(got.Trackables) == 0 != c.Disabled {
			t.Errorf("%s: plan %+v", name, got)
		}
		if _, err := os.Stat(c.FilePath); err == nil {
			t.Errorf("%s: there is a mirror", name)
		}
	}
}

func TestEveryResourceKeyHasAMeaning(t *testing.T) {
	for _, key := range exporter.DefaultResourceKeys() {
		if meanings[key].text == "" {
			t.Errorf("nothing says what %s is", key)
		}
	}
}

// TestThePlanIsKept: what is sent has nothing that the plan has not.
func TestThePlanIsKept(t *testing.T) {
	r, tracker := newReceiver(t), new(otelusage.Tracker)
	c := Config{FilePath: filepath.Join(t.TempDir(), "usage.db"), ApplicationName: "editor", ApplicationVersion: "1.2.3", DeclaredOnly: true,
		Forwarder: forwardTo(t, r.URL), Tracker: tracker, OnError: func(error) {}}
	countCarelessly(t, tracker)
	u, _ := Start(t.Context(), c) // it says that not everything was declared
	_, err := tracker.Sequence("trip", []string{"a"})
	must(t, err)
	must(t, u.Submit(t.Context()))
	must(t, u.Shutdown(context.Background()))
	planned := map[string]bool{"otelusage.active": true}
	p := c.Plan()
	for _, tr := range p.Trackables {
		for _, m := range tr.Metrics {
			planned[m] = true
		}
		for _, a := range append(tr.Attributes, otelusage.PlannedAttribute{Key: "state", Values: tr.States}, otelusage.PlannedAttribute{Key: "checkpoint", Values: tr.Checkpoints}) {
			for _, v := range append(a.Values, otelusage.OtherValue) {
				planned[tr.Name+" "+a.Key+"="+v] = true
			}
		}
	}
	for _, w := range p.Sending.With {
		planned[w.Key] = true
	}
	sent := 0
	r.each(func(resource, _ map[string]string, m *metrics.Metric) {
		texts := append(slices.Collect(maps.Keys(resource)), m.Name)
		trackable, _, _ := strings.Cut(m.Name, ".")
		for _, attrs := range pointAttributes(m) {
			for key, value := range attrs {
				if trackable != "otelusage" {
					texts = append(texts, trackable+" "+key+"="+value)
				}
			}
		}
		for _, text := range texts {
			if sent++; !planned[text] {
				t.Errorf("%q is sent and not planned", text)
			}
		}
	})
	if sent < 50 {
		t.Errorf("only %d texts were sent", sent)
	}
}

// pointAttributes returns the attributes of each point of a metric.
func pointAttributes(m *metrics.Metric) (list []map[string]string) {
	for _, p := range slices.Concat(m.GetSum().GetDataPoints(), m.GetGauge().GetDataPoints()) {
		list = append(list, texts(p.Attributes))
	}
	for _, p := range m.GetHistogram().GetDataPoints() {
		list = append(list, texts(p.Attributes))
	}
	return list
}
