package otlpbody_test

import (
	"bytes"
	"errors"
	"math"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/otlpbody"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
)

var (
	begin = time.Unix(1700000000, 1)
	end   = begin.Add(time.Hour)

	values = []attribute.KeyValue{
		attribute.String("string", "née"), attribute.String("empty", ""),
		attribute.Bool("yes", true), attribute.Bool("no", false),
		attribute.Int64("most", math.MaxInt64), attribute.Int64("least", math.MinInt64), attribute.Int64("zero", 0),
		attribute.Float64("float", -1.5), attribute.Float64("float zero", 0), attribute.Float64("nan", math.NaN()),
		attribute.StringSlice("strings", []string{"a", "", "b"}), attribute.StringSlice("no strings", nil),
		attribute.BoolSlice("bools", []bool{true, false}), attribute.Int64Slice("ints", []int64{0, -1, 300}),
		attribute.Float64Slice("floats", []float64{0, math.Inf(-1)}),
		attribute.ByteSlice("bytes", []byte{0, 255}), attribute.ByteSlice("no bytes", nil),
		attribute.Slice("slice", attribute.Int64Value(1), attribute.SliceValue(attribute.StringValue("deep")), attribute.Value{}),
		attribute.Map("map", attribute.String("k", "v"), attribute.Map("inner", attribute.Bool("b", true))),
		{Key: "nothing"}, attribute.String("", "without a key"),
	}
	set = attribute.NewSet(values...)
)

// points has one point with everything and one with nothing.
func points[N int64 | float64](vs ...N) []metricdata.DataPoint[N] {
	all := []metricdata.DataPoint[N]{{}}
	for _, v := range vs {
		all = append(all, metricdata.DataPoint[N]{Attributes: set, StartTime: begin, Time: end, Value: v, Exemplars: exemplarsOf(v)})
	}
	return all
}

func exemplarsOf[N int64 | float64](v N) []metricdata.Exemplar[N] {
	return []metricdata.Exemplar[N]{{}, {FilteredAttributes: values, Time: end, Value: v, SpanID: []byte("span"), TraceID: []byte("trace")}}
}

func histogramPoints[N int64 | float64](v N) []metricdata.HistogramDataPoint[N] {
	return []metricdata.HistogramDataPoint[N]{{}, {
		Attributes: set, StartTime: begin, Time: end, Count: 3, Sum: v, Bounds: []float64{0, 1.5, math.MaxFloat64},
		BucketCounts: []uint64{0, 1, 1 << 40, math.MaxUint64}, Min: metricdata.NewExtrema(v), Max: metricdata.NewExtrema(v), Exemplars: exemplarsOf(v),
	}, {Min: metricdata.NewExtrema(N(0)), Max: metricdata.NewExtrema(N(0))}}
}

func exponentialPoints[N int64 | float64](v N) []metricdata.ExponentialHistogramDataPoint[N] {
	return []metricdata.ExponentialHistogramDataPoint[N]{{}, {
		Attributes: set, StartTime: begin, Time: end, Count: 3, Sum: v, Scale: -10, ZeroCount: 7, ZeroThreshold: 1e-9,
		PositiveBucket: metricdata.ExponentialBucket{Offset: -3, Counts: []uint64{0, 1, 1 << 40}},
		NegativeBucket: metricdata.ExponentialBucket{Offset: math.MaxInt32, Counts: []uint64{math.MaxUint64}},
		Min:            metricdata.NewExtrema(v), Max: metricdata.NewExtrema(v), Exemplars: exemplarsOf(v),
	}, {Scale: math.MinInt32, PositiveBucket: metricdata.ExponentialBucket{Offset: math.MinInt32}, Min: metricdata.NewExtrema(N(0))}}
}

// everything is each kind of data that OTLP has.
func everything() map[string]metricdata.Aggregation {
	const delta, cumulative = metricdata.DeltaTemporality, metricdata.CumulativeTemporality
	ints, floats := []int64{0, 1, -1, 1<<53 + 1, math.MaxInt64, math.MinInt64}, []float64{0, math.Copysign(0, -1), 1.5, math.Inf(1), math.NaN(), math.SmallestNonzeroFloat64}
	return map[string]metricdata.Aggregation{
		"int gauge":              metricdata.Gauge[int64]{DataPoints: points(ints...)},
		"float gauge":            metricdata.Gauge[float64]{DataPoints: points(floats...)},
		"no points":              metricdata.Gauge[int64]{},
		"int sum":                metricdata.Sum[int64]{Temporality: delta, IsMonotonic: true, DataPoints: points(ints...)},
		"int sum, cumulative":    metricdata.Sum[int64]{Temporality: cumulative, DataPoints: points(ints...)},
		"float sum":              metricdata.Sum[float64]{Temporality: delta, DataPoints: points(floats...)},
		"float sum, cumulative":  metricdata.Sum[float64]{Temporality: cumulative, IsMonotonic: true, DataPoints: points(floats...)},
		"int histogram":          metricdata.Histogram[int64]{Temporality: delta, DataPoints: histogramPoints[int64](-7)},
		"float histogram":        metricdata.Histogram[float64]{Temporality: cumulative, DataPoints: histogramPoints(2.5)},
		"int exponential":        metricdata.ExponentialHistogram[int64]{Temporality: delta, DataPoints: exponentialPoints[int64](-7)},
		"float exponential":      metricdata.ExponentialHistogram[float64]{Temporality: cumulative, DataPoints: exponentialPoints(2.5)},
		"summary":                metricdata.Summary{DataPoints: []metricdata.SummaryDataPoint{{}, {Attributes: set, StartTime: begin, Time: end, Count: 2, Sum: 3, QuantileValues: []metricdata.QuantileValue{{}, {Quantile: 0.5, Value: -2}}}}},
		"summary without points": metricdata.Summary{},
	}
}

func TestBodiesAreThoseOfOTLPMetricHTTP(t *testing.T) {
	whole := &metricdata.ResourceMetrics{
		Resource: resource.NewWithAttributes("https://schema.example/1", values...),
		ScopeMetrics: []metricdata.ScopeMetrics{{}, {Scope: instrumentation.Scope{
			Name: "scope", Version: "1", SchemaURL: "https://schema.example/2", Attributes: set,
		}}},
	}
	for name, data := range everything() {
		m := metricdata.Metrics{Name: name, Description: "what it is", Unit: "{one}", Data: data}
		whole.ScopeMetrics[1].Metrics = append(whole.ScopeMetrics[1].Metrics, m, metricdata.Metrics{Data: data})
		t.Run(name, func(t *testing.T) {
			equal(t, &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{m}}}})
		})
	}
	equal(t, whole)
	equal(t, &metricdata.ResourceMetrics{})
	equal(t, &metricdata.ResourceMetrics{Resource: resource.Empty()})
	body, err := otlpbody.Encode(whole)
	if err != nil {
		t.Fatal(err)
	}
	var m colmetricpb.ExportMetricsServiceRequest
	if err := proto.Unmarshal(body, &m); err != nil || len(m.ProtoReflect().GetUnknown()) > 0 {
		t.Errorf("read back: %v, unknown %x", err, m.ProtoReflect().GetUnknown())
	}
}

// equal fails t if the two do not write the same of rm, or refuse the same.
func equal(t *testing.T, rm *metricdata.ResourceMetrics) {
	t.Helper()
	want, wantErr := otlp.Encode(rm)
	got, err := otlpbody.Encode(rm)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("one is encoded: %v and %v", err, wantErr)
	}
	if !bytes.Equal(got, want) {
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		t.Errorf("%d bytes, want %d; from byte %d on %.40x, want %.40x", len(got), len(want), at, got[at:], want[at:])
	}
}

func TestWhatOTLPDoesNotHaveIsRefused(t *testing.T) {
	metric := func(m metricdata.Metrics) *metricdata.ResourceMetrics {
		return &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{m}}}}
	}
	for name, rm := range map[string]*metricdata.ResourceMetrics{
		"nil":                       nil,
		"no data":                   metric(metricdata.Metrics{}),
		"no temporality":            metric(metricdata.Metrics{Data: metricdata.Sum[int64]{}}),
		"histogram, no temporality": metric(metricdata.Metrics{Data: metricdata.Histogram[int64]{}}),
		"exponential":               metric(metricdata.Metrics{Data: metricdata.ExponentialHistogram[float64]{Temporality: 7}}),
		"text":                      metric(metricdata.Metrics{Name: "\xff", Data: metricdata.Gauge[int64]{}}),
		"key":                       {Resource: resource.NewSchemaless(attribute.String("\xff", ""))},
		"value":                     {Resource: resource.NewSchemaless(attribute.StringSlice("k", []string{"\xff"}))},
	} {
		if _, err := otlpbody.Encode(rm); err == nil {
			t.Errorf("%s is encoded", name)
		}
		if _, err := otlp.Encode(rm); err == nil {
			t.Errorf("%s is encoded by otlp", name)
		}
	}
	if _, err := otlpbody.Encode(metric(metricdata.Metrics{Unit: "\xff", Data: metricdata.Gauge[int64]{}})); !errors.Is(err, otlpbody.ErrText) {
		t.Errorf("got %v", err)
	}
}

// FuzzBody holds that bodies are those of otlpmetrichttp, whatever is in them.
func FuzzBody(f *testing.F) {
	f.Add("name", "k", "v", int64(1), 2.5, uint64(3), int32(-4), uint8(0), []byte("span"))
	f.Add("", "", "", int64(0), 0.0, uint64(0), int32(0), uint8(7), []byte(nil))
	f.Add("\xff", "k", "é", int64(math.MinInt64), math.Inf(-1), uint64(math.MaxUint64), int32(math.MinInt32), uint8(255), []byte{0})
	f.Fuzz(func(t *testing.T, name, key, text string, n int64, x float64, u uint64, i int32, choice uint8, raw []byte) {
		attributes := []attribute.KeyValue{
			attribute.String(key, text), attribute.Int64("n", n), attribute.Float64("x", x), attribute.ByteSlice("b", raw),
			attribute.StringSlice("s", []string{text, name}), attribute.Map("m", attribute.Int64Slice(text, []int64{n, int64(i)})),
		}
		attributes = attributes[:int(choice)%(len(attributes)+1)]
		s := attribute.NewSet(attributes...)
		at := time.Unix(0, n)
		ints := metricdata.DataPoint[int64]{Attributes: s, StartTime: at, Time: at, Value: n, Exemplars: []metricdata.Exemplar[int64]{
			{FilteredAttributes: attributes, Time: at, Value: n, SpanID: raw, TraceID: raw},
		}}
		floats := metricdata.DataPoint[float64]{Attributes: s, StartTime: at, Time: at, Value: x, Exemplars: []metricdata.Exemplar[float64]{{Value: x}}}
		temporality := metricdata.Temporality(choice % 4) // also none
		data := []metricdata.Aggregation{
			metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{ints}},
			metricdata.Gauge[float64]{DataPoints: []metricdata.DataPoint[float64]{floats}},
			metricdata.Sum[int64]{Temporality: temporality, IsMonotonic: n > 0, DataPoints: []metricdata.DataPoint[int64]{ints}},
			metricdata.Sum[float64]{Temporality: temporality, IsMonotonic: n < 0, DataPoints: []metricdata.DataPoint[float64]{floats}},
			metricdata.Histogram[int64]{Temporality: temporality, DataPoints: []metricdata.HistogramDataPoint[int64]{{
				Attributes: s, StartTime: at, Time: at, Count: u, Sum: n, Bounds: []float64{x, 0}, BucketCounts: []uint64{u, 0, 1}, Min: metricdata.NewExtrema(n),
			}}},
			metricdata.ExponentialHistogram[float64]{Temporality: temporality, DataPoints: []metricdata.ExponentialHistogramDataPoint[float64]{{
				Attributes: s, StartTime: at, Time: at, Count: u, Sum: x, Scale: i, ZeroCount: u, ZeroThreshold: x, Max: metricdata.NewExtrema(x),
				PositiveBucket: metricdata.ExponentialBucket{Offset: i, Counts: []uint64{u, 1}}, NegativeBucket: metricdata.ExponentialBucket{Offset: -i},
			}}},
			metricdata.Summary{DataPoints: []metricdata.SummaryDataPoint{{
				Attributes: s, StartTime: at, Time: at, Count: u, Sum: x, QuantileValues: []metricdata.QuantileValue{{Quantile: x, Value: float64(n)}},
			}}},
		}
		equal(t, &metricdata.ResourceMetrics{
			Resource: resource.NewWithAttributes(text, attributes...),
			ScopeMetrics: []metricdata.ScopeMetrics{{
				Scope:   instrumentation.Scope{Name: name, Version: text, SchemaURL: key, Attributes: s},
				Metrics: []metricdata.Metrics{{Name: name, Description: text, Unit: key, Data: data[int(choice)%len(data)]}},
			}},
		})
	})
}

func BenchmarkEncode(b *testing.B) {
	m := metricdata.Sum[int64]{Temporality: metricdata.DeltaTemporality, IsMonotonic: true}
	for i := range 1000 {
		m.DataPoints = append(m.DataPoints, metricdata.DataPoint[int64]{Attributes: attribute.NewSet(attribute.Int("i", i)), StartTime: begin, Time: end, Value: 1})
	}
	rm := &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{{Name: "m", Data: m}}}}}
	for name, encode := range map[string]func(*metricdata.ResourceMetrics) ([]byte, error){"otlpbody": otlpbody.Encode, "otlpmetrichttp": otlp.Encode} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := encode(rm); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
