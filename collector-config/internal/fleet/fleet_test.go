package fleet

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/proto"

	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

// receiver keeps the requests it gets.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*colmetricpb.ExportMetricsServiceRequest
}

func startReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		zip, err := gzip.NewReader(req.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		raw, err := io.ReadAll(zip)
		request := new(colmetricpb.ExportMetricsServiceRequest)
		if err != nil || proto.Unmarshal(raw, request) != nil {
			http.Error(w, "unreadable", http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.requests = append(r.requests, request)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) got() []*colmetricpb.ExportMetricsServiceRequest {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// outline is everything of requests but numbers, times and values: the set of
// streams, with how each is declared.
func outline(requests []*colmetricpb.ExportMetricsServiceRequest) []string {
	seen := make(map[string]bool)
	for _, request := range requests {
		for _, rm := range request.ResourceMetrics {
			seen["resource "+keys(rm.Resource.Attributes)+rm.SchemaUrl] = true
			for _, sm := range rm.ScopeMetrics {
				scope := fmt.Sprint(sm.Scope.Name, " ", sm.Scope.Version, " ", sm.Scope.Attributes, sm.SchemaUrl)
				for _, m := range sm.Metrics {
					line := fmt.Sprintf("%s: %s %q %q %T", scope, m.Name, m.Unit, m.Description, m.Data)
					if s := m.GetSum(); s != nil {
						line += fmt.Sprint(" ", s.IsMonotonic, s.AggregationTemporality)
						for _, p := range s.DataPoints {
							seen[fmt.Sprintf("%s %T %s %v", line, p.Value, keys(p.Attributes), p.StartTimeUnixNano < p.TimeUnixNano)] = true
						}
					}
					for _, p := range m.GetGauge().GetDataPoints() {
						seen[fmt.Sprintf("%s %T %s %v", line, p.Value, keys(p.Attributes), p.StartTimeUnixNano < p.TimeUnixNano)] = true
					}
					for _, p := range m.GetHistogram().GetDataPoints() {
						seen[fmt.Sprint(line, m.GetHistogram().AggregationTemporality, p.ExplicitBounds, len(p.BucketCounts), p.Min, p.Max, p.Sum != nil, p.Exemplars, p.Flags)] = true
					}
				}
			}
		}
	}
	lines := make([]string, 0, len(seen))
	for line := range seen {
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

func keys(list []*commonpb.KeyValue) string {
	var names []string
	for _, kv := range list {
		names = append(names, kv.Key)
	}
	slices.Sort(names)
	return fmt.Sprint(names)
}

// real is what the exporter of an application with these trackables sends: over
// versions, states and none.
func real(t *testing.T) []*colmetricpb.ExportMetricsServiceRequest {
	t.Setenv("DO_NOT_TRACK", "")
	t.Setenv("OTEL_SDK_DISABLED", "")
	r, file := startReceiver(t), filepath.Join(t.TempDir(), "usage.db")
	for i, version := range versions {
		f, err := otlp.New(t.Context(), otlp.WithEndpointURL(r.URL))
		must(t, err)
		u, err := standalone.Start(t.Context(), standalone.Config{FilePath: file, ApplicationName: "editor",
			ApplicationVersion: version, Forwarder: f, SubmitInterval: time.Hour, Tracker: new(otelusage.Tracker)})
		must(t, err)
		tr := u.Tracker()
		search, err := tr.Statistic(searches, otelusage.Monotonic(), otelusage.WithDescription("Searches made."))
		must(t, err)
		item, err := tr.Statistic(items)
		must(t, err)
		far, err := tr.FloatStatistic(distance, otelusage.WithUnit("m"))
		must(t, err)
		unit, err := tr.State(units, otelusage.NoState)
		must(t, err)
		timer, err := tr.Timer(session)
		must(t, err)
		sequence, err := tr.Sequence(export, checkpoints)
		must(t, err)
		search.With(attribute.String("via", "web")).Inc()
		item.Dec()
		far.Add(0.5)
		unit.Set(states[(i+1)%2])
		timer.Record(t.Context(), time.Minute)
		sequence.AdvanceTo("save")
		must(t, u.Submit(t.Context()))
		unit.Set(states[2])
		must(t, u.Submit(t.Context()))
		unit.Clear()
		must(t, u.Submit(t.Context()))
		must(t, u.Close())
	}
	return r.got()
}

// What is simulated is what the exporter sends.
func TestSimulatedRequestsLookLikeRealOnes(t *testing.T) {
	r := startReceiver(t)
	c := Config{Installations: 60, Seed: 3, Until: time.Now(), Senders: 1}
	_, err := Run(t.Context(), r.URL, c)
	must(t, err)
	var simulated []*colmetricpb.ExportMetricsServiceRequest
	for _, request := range r.got() { // leaky ones are meant to differ
		if len(request.ResourceMetrics[0].Resource.Attributes) == 10 {
			simulated = append(simulated, request)
		}
	}
	got, want := outline(simulated), outline(real(t))
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("only simulated: %s", line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("only real: %s", line)
		}
	}
}

// The same seed is the same month, and one in ten batches is sent again.
func TestRunKnowsWhatItSent(t *testing.T) {
	r := startReceiver(t)
	c := Config{Installations: 300, Seed: 4, Until: time.Unix(1_800_000_000, 0), Resend: 0.1}
	first, err := Run(t.Context(), r.URL, c)
	must(t, err)
	if n := len(r.got()); n != first.Requests+first.Resent {
		t.Errorf("%d requests arrived, %d and %d were sent", n, first.Requests, first.Resent)
	}
	arrived := make(Totals)
	for _, request := range r.got() {
		addUp(arrived, request)
	}
	want := make(Totals)
	want.Merge(first.Sent)
	want.Merge(first.Excess)
	must(t, Compare(arrived, want))
	if Compare(arrived, first.Sent) == nil || len(first.Excess) == 0 {
		t.Error("nothing was sent twice")
	}
	c.Senders = 3
	second, err := Run(t.Context(), r.URL, c)
	must(t, err)
	must(t, Compare(second.Sent, first.Sent))
}

func addUp(into Totals, request *colmetricpb.ExportMetricsServiceRequest) {
	for _, rm := range request.ResourceMetrics {
		attributes := make(map[string]string)
		for _, kv := range rm.Resource.Attributes {
			attributes[kv.Key] = kv.Value.GetStringValue()
		}
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				series := Series{attributes["service.name"], attributes["service.version"], m.Name, ""}
				for _, p := range m.GetSum().GetDataPoints() {
					labels := make(map[string]string)
					for _, kv := range p.Attributes {
						labels[kv.Key] = kv.Value.GetStringValue()
					}
					series.Attributes = attributesOf(labels)
					into.add(series, float64(p.GetAsInt())+p.GetAsDouble(), nil)
				}
				for _, p := range m.GetHistogram().GetDataPoints() {
					into.add(series, 0, &observed{p.GetSum(), [buckets]uint64(p.BucketCounts)})
				}
			}
		}
	}
}

func TestRunStopsWhenItIsRefused(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	if _, err := Run(t.Context(), server.URL, Config{Installations: 20, Until: time.Now()}); err == nil {
		t.Error("everything was refused, and it is no error")
	}
}
