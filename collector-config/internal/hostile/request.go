package hostile

import (
	"bytes"
	"fmt"

	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// The interval of every point.
const (
	started = 1_780_000_000_000_000_000
	ended   = 1_780_000_060_000_000_000
)

const delta = metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA

type (
	request   = colmetricpb.ExportMetricsServiceRequest
	resource  = metricspb.ResourceMetrics
	scoped    = metricspb.ScopeMetrics
	metric    = metricspb.Metric
	number    = metricspb.NumberDataPoint
	run       = metricspb.HistogramDataPoint
	attribute = commonpb.KeyValue
	anyValue  = commonpb.AnyValue
)

// like returns a request with the resource of an honest installation of the
// application that the simulation has, and the given content.
func like(scopes ...*scoped) *request { return with(editor(), scopes...) }

func with(attributes []*attribute, scopes ...*scoped) *request {
	return &request{ResourceMetrics: []*resource{{Resource: &resourcepb.Resource{Attributes: attributes}, ScopeMetrics: scopes}}}
}

func editor() []*attribute {
	return []*attribute{text("app.installation.id", "00000000-0000-4000-8000-00000000dead"), text("os.type", "linux"),
		text("service.instance.id", "00000000-0000-4000-8000-00000000beef"), text("service.name", "editor"), text("service.version", "1.0.0")}
}

// of returns the metrics of one kind of trackable.
func of(kind otelusage.Kind, metrics ...*metric) *scoped {
	return &scoped{Metrics: metrics, Scope: &commonpb.InstrumentationScope{Name: otelusage.ScopeName, Version: otelusage.Version,
		Attributes: []*attribute{text(string(otelusage.KindKey), kind.String())}}}
}

func statistics(metrics ...*metric) *scoped { return of(otelusage.KindStatistic, metrics...) }
func states(metrics ...*metric) *scoped     { return of(otelusage.KindState, metrics...) }
func timers(metrics ...*metric) *scoped     { return of(otelusage.KindTimer, metrics...) }

// kindOf returns metrics of a kind that there is not.
func kindOf(kind string, metrics ...*metric) *scoped {
	s := statistics(metrics...)
	s.Scope.Attributes = []*attribute{text(string(otelusage.KindKey), kind)}
	return s
}

func kindless(metrics ...*metric) *scoped {
	s := statistics(metrics...)
	s.Scope.Attributes = nil
	return s
}

func versioned(version string, metrics ...*metric) *scoped {
	s := statistics(metrics...)
	s.Scope.Version = version
	return s
}

// described returns metrics whose scope says more than its kind.
func described(metrics ...*metric) *scoped {
	s := statistics(metrics...)
	s.Scope.Attributes = append(s.Scope.Attributes, text("note", "scope secret"))
	return s
}

func counter(name string, points ...*number) *metric { return sum(name, "", true, points...) }

func updown(name string, points ...*number) *metric { return sum(name, "", false, points...) }

func occupancy(points ...*number) *metric {
	return sum("units"+otelusage.OccupancySuffix, installation, false, points...)
}

// installation is the unit of what counts installations.
const installation = "{installation}"

func sum(name, unit string, monotonic bool, points ...*number) *metric {
	return &metric{Name: name, Unit: unit, Data: &metricspb.Metric_Sum{
		Sum: &metricspb.Sum{AggregationTemporality: delta, IsMonotonic: monotonic, DataPoints: points}}}
}

func gauge(name string, points ...*number) *metric {
	return &metric{Name: name, Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: points}}}
}

func timer(name string, runs ...*run) *metric {
	return &metric{Name: name, Unit: "s", Data: &metricspb.Metric_Histogram{
		Histogram: &metricspb.Histogram{AggregationTemporality: delta, DataPoints: runs}}}
}

func whole(n int64, attributes ...*attribute) *number {
	return &number{StartTimeUnixNano: started, TimeUnixNano: ended, Attributes: attributes, Value: &metricspb.NumberDataPoint_AsInt{AsInt: n}}
}

func decimal(f float64, attributes ...*attribute) *number {
	return &number{StartTimeUnixNano: started, TimeUnixNano: ended, Attributes: attributes, Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: f}}
}

// once is a run of a second.
func once(attributes ...*attribute) *run {
	seconds, counts := 1.0, make([]uint64, len(otelusage.TimerBoundaries())+1)
	counts[9] = 1
	return &run{StartTimeUnixNano: started, TimeUnixNano: ended, Attributes: attributes, Count: 1, Sum: &seconds,
		ExplicitBounds: otelusage.TimerBoundaries(), BucketCounts: counts}
}

func text(key, value string) *attribute {
	return &attribute{Key: key, Value: &anyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

func binary(key string, value []byte) *attribute {
	return &attribute{Key: key, Value: &anyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: value}}}
}

// nested is a value within a value, and so on.
func nested(key string, depth int) *attribute {
	value := &anyValue{Value: &commonpb.AnyValue_StringValue{StringValue: "x"}}
	for range depth {
		value = &anyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{Values: []*attribute{{Key: "k", Value: value}}}}}
	}
	return &attribute{Key: key, Value: value}
}

// bad is what invalid UTF-8 is in a request until it is encoded: protobuf refuses
// to encode the real one.
const bad = "@BAD UTF-8@"

var invalid = []byte("\xff\xfe\xfa\x80\xc3\x28\xed\xa0\x80\xf8\x88")

func encode(r *request) ([]byte, error) {
	raw, err := proto.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return bytes.ReplaceAll(raw, []byte(bad), invalid), nil
}
