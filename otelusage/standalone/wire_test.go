package standalone

import (
	"bytes"
	"math"
	"path/filepath"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

func start(t *testing.T, c Config) *Usage {
	t.Helper()
	if c.OnError == nil {
		c.OnError = func(err error) { t.Error("reported:", err) }
	}
	if c.Tracker == nil {
		c.Tracker = new(otelusage.Tracker)
	}
	u, err := Start(t.Context(), c)
	must(t, err)
	return u
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func forwardTo(t *testing.T, url string) *otlp.Exporter {
	t.Helper()
	f, err := otlp.New(t.Context(), otlp.WithEndpointURL(url))
	must(t, err)
	return f
}

// One version after another counts, and one submission brings both.
func TestOTLPRequestsPerVersion(t *testing.T) {
	r, path := newReceiver(t), filepath.Join(t.TempDir(), "usage.db")
	const big = int64(1)<<60 + 1 // no float64 holds it
	run := func(version string, submit bool) {
		u := start(t, Config{FilePath: path, ApplicationName: "game", ApplicationVersion: version,
			Forwarder: forwardTo(t, r.URL), SubmitInterval: time.Hour})
		tr := u.Tracker()
		n, err := tr.Statistic("n", otelusage.Monotonic(), otelusage.WithUnit("{thing}"), otelusage.WithDescription("Things."))
		must(t, err)
		n.Add(big)
		gold, err := tr.FloatStatistic("gold")
		must(t, err)
		gold.Add(-0.25)
		server, err := tr.State("server", "")
		must(t, err)
		server.Set("eu " + version)
		play, err := tr.Timer("play")
		must(t, err)
		play.Record(t.Context(), 90*time.Second)
		trip, err := tr.Sequence("trip", []string{"A", "B"})
		must(t, err)
		trip.AdvanceTo("B")
		if submit {
			must(t, u.Submit(t.Context()))
		}
		must(t, u.Close())
	}
	run("1.0.0", false)
	run("1.1.0", true)
	run("1.1.0", true)

	if n := len(r.got()); n != 3 {
		t.Fatalf("%d requests, want one per version recorded and one for the last run", n)
	}
	type point struct{ version, name, state string }
	ends := make(map[string]uint64)
	whole := make(map[point]int64)
	kinds := make(map[string]string)
	var created uint64
	for _, request := range r.got() {
		if len(request.ResourceMetrics) != 1 {
			t.Errorf("%d resources in one request, want 1", len(request.ResourceMetrics))
		}
	}
	r.each(func(resource, scope map[string]string, m *metrics.Metric) {
		version := resource["service.version"]
		if resource["app.installation.id"] == "" || resource["service.instance.id"] == "" || resource["service.name"] != "game" {
			t.Errorf("resource %v lacks an id or name", resource)
		}
		kinds[m.Name] = scope["otelusage.kind"]
		var points []*metrics.NumberDataPoint
		switch data := m.Data.(type) {
		case *metrics.Metric_Sum:
			points = data.Sum.DataPoints
			if data.Sum.AggregationTemporality != metrics.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA {
				t.Errorf("%s is not sent as a delta", m.Name)
			}
			if m.Name == "n" && (!data.Sum.IsMonotonic || m.Unit != "{thing}" || m.Description != "Things.") {
				t.Errorf("n arrived as %v", m)
			}
		case *metrics.Metric_Gauge:
			points = data.Gauge.DataPoints
		case *metrics.Metric_Histogram:
			p := data.Histogram.DataPoints[0]
			if p.Count != 1 && version == "1.0.0" || p.Min != nil || p.Max != nil || len(p.Exemplars) > 0 {
				t.Errorf("%s arrived as %v", m.Name, p)
			}
			points = []*metrics.NumberDataPoint{{StartTimeUnixNano: p.StartTimeUnixNano, TimeUnixNano: p.TimeUnixNano}}
		}
		for _, p := range points {
			if p.TimeUnixNano <= p.StartTimeUnixNano {
				t.Errorf("%s covers nothing: %d to %d", m.Name, p.StartTimeUnixNano, p.TimeUnixNano)
			}
			if created == 0 {
				created = p.StartTimeUnixNano
			}
			if m.Name == "n" {
				stream := version
				if end := ends[stream]; end != 0 && p.StartTimeUnixNano != end {
					t.Errorf("%s: a submission starts at %d, want the end of the one before, %d", version, p.StartTimeUnixNano, end)
				}
				if ends[stream] == 0 && p.StartTimeUnixNano != created {
					t.Errorf("%s: the first submission starts at %d, want the day on which the mirror was made, %d", version, p.StartTimeUnixNano, created)
				}
				ends[stream] = p.TimeUnixNano
			}
			if v, ok := p.Value.(*metrics.NumberDataPoint_AsInt); ok {
				whole[point{version, m.Name, texts(p.Attributes)["state"]}] += v.AsInt
			}
		}
	})
	for p, want := range map[point]int64{
		{"1.0.0", "n", ""}: big, {"1.1.0", "n", ""}: 2 * big,
		{"1.0.0", "trip", ""}: 1, {"1.1.0", "trip", ""}: 2,
		{"1.0.0", "server.changes", "eu 1.0.0"}: 1, {"1.1.0", "server.changes", "eu 1.1.0"}: 1,
		{"1.1.0", "server.occupancy", "eu 1.1.0"}: 1,
	} {
		if got := whole[p]; got != want {
			t.Errorf("%v: received %d, want %d", p, got, want)
		}
	}
	if got := whole[point{"1.0.0", "server.occupancy", "eu 1.0.0"}]; got != 0 {
		t.Errorf("the state that was left has an occupancy of %d, want 0", got)
	}
	for name, kind := range map[string]string{"n": "statistic", "gold": "statistic", "server": "state", "server.changes": "state",
		"play": "timer", "trip": "sequence", "trip.checkpoints": "sequence", "server.occupancy": "state"} {
		if kinds[name] != kind {
			t.Errorf("%s is of kind %q, want %q", name, kinds[name], kind)
		}
	}
}

func TestOccupancyMovesOverARestartAndAnUpgrade(t *testing.T) {
	r, path := newReceiver(t), filepath.Join(t.TempDir(), "usage.db")
	run := func(version, state string) {
		u := start(t, Config{FilePath: path, ApplicationName: "game", ApplicationVersion: version, Forwarder: forwardTo(t, r.URL)})
		s, err := u.Tracker().State("units", "Metric")
		must(t, err)
		if state != "" {
			s.Set(state)
		}
		must(t, u.Submit(t.Context()))
		must(t, u.Close())
	}
	run("1.0.0", "")
	run("1.0.0", "")
	run("1.1.0", "US")
	type key struct{ version, state string }
	var order []int64
	sums := make(map[key]int64)
	r.each(func(resource, _ map[string]string, m *metrics.Metric) {
		if m.Name != "units.occupancy" {
			return
		}
		for _, p := range m.GetSum().DataPoints {
			sums[key{resource["service.version"], texts(p.Attributes)["state"]}] += p.GetAsInt()
			order = append(order, p.GetAsInt())
		}
		if m.GetSum().IsMonotonic {
			t.Error("occupancy cannot fall at the receiver")
		}
	})
	if len(order) != 3 || sums[key{"1.0.0", "Metric"}] != 0 || sums[key{"1.1.0", "US"}] != 1 {
		t.Errorf("received %v: %v, want +1 Metric, then -1 Metric and +1 US", order, sums)
	}
}

func TestEveryCountIsInTheMirrorOrOnTheWire(t *testing.T) {
	r := newReceiver(t)
	u := start(t, Config{FilePath: filepath.Join(t.TempDir(), "usage.db"), ApplicationName: "game", Forwarder: forwardTo(t, r.URL)})
	n, err := u.Tracker().Statistic("n")
	must(t, err)
	n.Add(math.MaxInt64)
	n.Add(5) // saturates
	must(t, u.Submit(t.Context()))
	must(t, u.Close())
	var got int64
	r.each(func(_, _ map[string]string, m *metrics.Metric) {
		if m.Name == "n" {
			got += m.GetSum().DataPoints[0].GetAsInt()
		}
	})
	if got != math.MaxInt64 {
		t.Errorf("received %d, want %d", got, int64(math.MaxInt64))
	}
}

func TestTheUsersEnvironmentStaysAtHome(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20sesame")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "user.email=alice@example.com,service.namespace=secret-team,deployment.environment.name=prod")
	t.Setenv("OTEL_SERVICE_NAME", "somebody-elses")
	r := newReceiver(t)
	theirs, err := resource.Merge(resource.Environment(), resource.NewSchemaless(attribute.String("os.name", "plan9")))
	must(t, err)
	u := start(t, Config{FilePath: filepath.Join(t.TempDir(), "usage.db"), ApplicationName: "game", Forwarder: forwardTo(t, r.URL), Resource: theirs})
	n, err := u.Tracker().Statistic("n")
	must(t, err)
	n.Inc()
	must(t, u.Submit(t.Context()))
	must(t, u.Close())
	if len(r.got()) == 0 {
		t.Fatal("nothing arrived")
	}
	for _, body := range r.bodies {
		for _, secret := range []string{"sesame", "alice", "secret-team", "somebody-elses", "prod"} {
			if bytes.Contains(body, []byte(secret)) {
				t.Errorf("%q was sent", secret)
			}
		}
		if !bytes.Contains(body, []byte("plan9")) {
			t.Error("what the developer added to the environment was not sent")
		}
	}
}
