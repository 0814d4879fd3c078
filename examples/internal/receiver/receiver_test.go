package receiver

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"testing"
	"time"

	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"
)

func startReceiver(t *testing.T) *Receiver {
	t.Helper()
	r, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// post sends a body and returns the answer's status, type and body.
func post(t *testing.T, url, encoding string, body []byte) (int, string, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if encoding != "" {
		req.Header.Set("Content-Encoding", encoding)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), answer
}

var (
	begin = time.Unix(1700000000, 0).UTC()
	end   = begin.Add(time.Hour)
)

func keyValue(key, value string) []*commonpb.KeyValue {
	return []*commonpb.KeyValue{{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}}
}

// session is a request with a delta of n, a histogram and a gauge.
func session(t *testing.T, n int64) []byte {
	t.Helper()
	const deltas = metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA
	from, to := uint64(begin.UnixNano()), uint64(end.UnixNano())
	raw, err := proto.Marshal(&colmetricpb.ExportMetricsServiceRequest{ResourceMetrics: []*metricspb.ResourceMetrics{{
		ScopeMetrics: []*metricspb.ScopeMetrics{{
			Scope: &commonpb.InstrumentationScope{Attributes: keyValue(kindKey, "statistic")},
			Metrics: []*metricspb.Metric{
				{Name: "quests", Data: &metricspb.Metric_Sum{Sum: &metricspb.Sum{
					AggregationTemporality: deltas,
					DataPoints: []*metricspb.NumberDataPoint{{
						Attributes: keyValue("via", "web"), StartTimeUnixNano: from, TimeUnixNano: to,
						Value: &metricspb.NumberDataPoint_AsInt{AsInt: n},
					}},
				}}},
				{Name: "play_time", Data: &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{
					AggregationTemporality: deltas,
					DataPoints: []*metricspb.HistogramDataPoint{{
						StartTimeUnixNano: from, TimeUnixNano: to, Count: 2, Sum: proto.Float64(1.5),
					}},
				}}},
				{Name: "server", Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{
					DataPoints: []*metricspb.NumberDataPoint{{
						TimeUnixNano: to, Value: &metricspb.NumberDataPoint_AsInt{AsInt: 1},
					}},
				}}},
			},
		}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestReceiverKeepsPlainAndCompressedRequests(t *testing.T) {
	r := startReceiver(t)
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write(session(t, 3)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for encoding, body := range map[string][]byte{"": session(t, -2), "gzip": zipped.Bytes()} {
		status, kind, answer := post(t, r.URL(), encoding, body)
		if status != http.StatusOK || kind != contentType {
			t.Errorf("encoding %q: answered %d %s", encoding, status, kind)
		}
		if err := proto.Unmarshal(answer, new(colmetricpb.ExportMetricsServiceResponse)); err != nil {
			t.Errorf("encoding %q: the answer is unreadable: %v", encoding, err)
		}
	}
	if n := len(r.Requests()); n != 2 {
		t.Errorf("%d requests were kept, want 2", n)
	}
	sums := r.Sums()
	if got := sums[Series{"quests", "via=web"}]; got.Int != 1 || !got.Start.Equal(begin) || !got.End.Equal(end) {
		t.Errorf("quests sum up to %+v", got)
	}
	if got := sums[Series{"play_time", ""}]; got.Count != 4 || got.Float != 3 {
		t.Errorf("play_time sums up to %+v", got)
	}
	if got, ok := sums[Series{"server", ""}]; ok {
		t.Errorf("a gauge was summed up to %+v", got)
	}
}

func TestPointsAreReadable(t *testing.T) {
	r := startReceiver(t)
	post(t, r.URL(), "", session(t, -2))
	want := []Point{
		{Kind: "statistic", Metric: "quests", Attributes: "via=web", Temporality: delta, Int: -2, Start: begin, End: end},
		{Kind: "statistic", Metric: "play_time", Temporality: delta, Histogram: true, Count: 2, Float: 1.5, Start: begin, End: end},
		{Kind: "statistic", Metric: "server", Temporality: gauge, Int: 1, End: end},
	}
	values := []string{"-2", "+2 (sum 1.5)", "1"}
	got := r.Points()
	if len(got) != len(want) {
		t.Fatalf("got %d points, want %d", len(got), len(want))
	}
	for i, p := range got {
		if p != want[i] || p.Value() != values[i] {
			t.Errorf("point %d is %+v, %q; want %+v, %q", i, p, p.Value(), want[i], values[i])
		}
	}
}

func TestReceiverRefusesWhatItCannotRead(t *testing.T) {
	r := startReceiver(t)
	for encoding, body := range map[string]string{"": "\xff", "gzip": "no gzip"} {
		if status, _, _ := post(t, r.URL(), encoding, []byte(body)); status != http.StatusBadRequest {
			t.Errorf("encoding %q: answered %d, want 400", encoding, status)
		}
	}
	if n := len(r.Requests()); n != 0 {
		t.Errorf("%d requests were kept, want none", n)
	}
}

func TestCloseAgainDoesNothing(t *testing.T) {
	r := startReceiver(t)
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
