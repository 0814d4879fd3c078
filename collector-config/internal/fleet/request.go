package fleet

import (
	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

const delta = metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA

// shape is how a metric is declared.
type shape struct {
	kind            otelusage.Kind
	unit, described string
	monotonic, real bool
	gauge           bool
}

var shapes = map[string]shape{
	searches:                             {kind: otelusage.KindStatistic, monotonic: true, described: "Searches made."},
	items:                                {kind: otelusage.KindStatistic},
	distance:                             {kind: otelusage.KindStatistic, unit: "m", real: true},
	active:                               {kind: otelusage.KindStatistic, unit: "{installation}", monotonic: true, described: "Installations that recorded something in the period that begins on the date."},
	units:                                {kind: otelusage.KindState, gauge: true},
	units + otelusage.ChangesSuffix:      {kind: otelusage.KindState, monotonic: true},
	units + otelusage.OccupancySuffix:    {kind: otelusage.KindState, unit: "{installation}", described: "Installations in each state."},
	session:                              {kind: otelusage.KindTimer, unit: "s"},
	export:                               {kind: otelusage.KindSequence, monotonic: true},
	export + otelusage.CheckpointsSuffix: {kind: otelusage.KindSequence, monotonic: true},
}

// request returns the request that the exporter sends for a part.
func (in *installation) request(b batch, p part) *colmetricpb.ExportMetricsServiceRequest {
	attributes := keyValues([]pair{
		{"app.installation.id", in.id}, {"host.arch", "amd64"}, {"os.type", "linux"},
		{"service.instance.id", in.mirror}, {"service.name", in.application}, {"service.version", versions[p.version]},
		{"telemetry.distro.name", "anonymoususage"}, {"telemetry.distro.version", otelusage.Version},
		{"telemetry.sdk.language", "go"}, {"telemetry.sdk.name", "opentelemetry"},
	})
	if in.leaks {
		attributes = append(attributes, keyValues([]pair{
			{"host.name", secrets[0]}, {"process.command_args", secrets[1]}, {"user.name", secrets[2]}})...)
	}
	rm := &metricspb.ResourceMetrics{Resource: &resourcepb.Resource{Attributes: attributes}}
	scopes := make(map[otelusage.Kind]*metricspb.ScopeMetrics)
	metrics := make(map[string]*metricspb.Metric)
	for i := range p.points {
		name := p.points[i].metric
		m := metrics[name]
		if m == nil {
			kind := shapes[name].kind
			if scopes[kind] == nil {
				scopes[kind] = &metricspb.ScopeMetrics{Scope: scope(kind)}
				rm.ScopeMetrics = append(rm.ScopeMetrics, scopes[kind])
			}
			m = newMetric(name)
			metrics[name], scopes[kind].Metrics = m, append(scopes[kind].Metrics, m)
		}
		appendPoint(m, b, &p.points[i])
	}
	return &colmetricpb.ExportMetricsServiceRequest{ResourceMetrics: []*metricspb.ResourceMetrics{rm}}
}

func scope(kind otelusage.Kind) *commonpb.InstrumentationScope {
	return &commonpb.InstrumentationScope{Name: otelusage.ScopeName, Version: otelusage.Version,
		Attributes: keyValues([]pair{{string(otelusage.KindKey), kind.String()}})}
}

func newMetric(name string) *metricspb.Metric {
	s := shapes[name]
	m := &metricspb.Metric{Name: name, Unit: s.unit, Description: s.described}
	switch {
	case s.kind == otelusage.KindTimer:
		m.Data = &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{AggregationTemporality: delta}}
	case s.gauge:
		m.Data = &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{}}
	default:
		m.Data = &metricspb.Metric_Sum{Sum: &metricspb.Sum{AggregationTemporality: delta, IsMonotonic: s.monotonic}}
	}
	return m
}

func appendPoint(m *metricspb.Metric, b batch, p *point) {
	start, end := uint64(b.start.UnixNano()), uint64(b.end.UnixNano())
	if h := m.GetHistogram(); h != nil {
		var count uint64
		for _, n := range p.histogram.buckets {
			count += n
		}
		h.DataPoints = append(h.DataPoints, &metricspb.HistogramDataPoint{
			StartTimeUnixNano: start, TimeUnixNano: end, Count: count, Sum: &p.histogram.sum,
			ExplicitBounds: boundaries, BucketCounts: p.histogram.buckets[:],
		})
		return
	}
	dp := &metricspb.NumberDataPoint{Attributes: keyValues(p.attributes), StartTimeUnixNano: start, TimeUnixNano: end,
		Value: &metricspb.NumberDataPoint_AsInt{AsInt: p.whole}}
	if shapes[m.Name].real {
		dp.Value = &metricspb.NumberDataPoint_AsDouble{AsDouble: p.real}
	}
	if g := m.GetGauge(); g != nil {
		g.DataPoints = append(g.DataPoints, dp)
		return
	}
	m.GetSum().DataPoints = append(m.GetSum().DataPoints, dp)
}

func keyValues(pairs []pair) []*commonpb.KeyValue {
	var list []*commonpb.KeyValue
	for _, p := range pairs {
		list = append(list, &commonpb.KeyValue{Key: p.key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: p.value}}})
	}
	return list
}

// isGauge reports whether a metric must not be added up.
func isGauge(metric string) bool { return shapes[metric].gauge }
