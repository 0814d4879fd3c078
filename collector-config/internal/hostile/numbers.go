package hostile

import (
	"math"
	"time"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/fleet"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// today is a date that is plotted.
func today() string { return time.Now().UTC().Format(time.DateOnly) }

// changed returns a run with a change.
func changed(change func(*run)) *run {
	r := once()
	change(r)
	return r
}

// numbered returns a number with a change.
func numbered(n *number, change func(*number)) *number {
	change(n)
	return n
}

// numbers are attacks with values that a sum does not recover from.
func numbers() []Attack {
	web, metricState := text("via", "web"), text("state", "Metric")
	const absurd = `value_int > 1000000000 or`
	return append([]Attack{
		{Name: "a double on a whole-number series", Rules: []string{`Double(datapoint.value_int)`}, Bodies: send(like(statistics(counter("searches", decimal(0.5, web))))),
			Counts: fleet.Totals{editor1("searches", "via=web"): {Sum: 0.5}}},
		{Name: "a double first, on a whole-number series", Rules: []string{`Double(datapoint.value_int)`}, First: true, Bodies: send(like(statistics(counter("searches", decimal(0.5, web))))),
			Counts: fleet.Totals{editor1("searches", "via=web"): {Sum: 0.5}}},
		{Name: "a double as occupancy", Rules: []string{`!= "statistic" and value_double != 0.0`}, Bodies: send(like(states(occupancy(decimal(1e6, metricState)))))},
		{Name: "NaN", Rules: []string{`not (value_double >= -1000000000.0`}, Bodies: send(like(statistics(sum("distance", "m", false, decimal(math.NaN())), sum("distance", "m", true, decimal(math.NaN())))))},
		{Name: "infinity", Rules: []string{`not (value_double >= -1000000000.0`}, Bodies: send(like(statistics(sum("distance", "m", false, decimal(math.Inf(-1))))))},
		{Name: "2^63-1", Rules: []string{absurd}, Bodies: send(like(statistics(counter("searches", whole(math.MaxInt64, web)))))},
		{Name: "-2^63", Rules: []string{absurd}, Bodies: send(like(statistics(updown("items", whole(math.MinInt64)))))},
		{Name: "a negative number of a counter", Rules: []string{`metric.is_monotonic == true and (value_int < 0`}, Bodies: send(like(statistics(counter("searches", whole(-1000, web)), sum("distance", "m", true, decimal(-1000)))))},
		{Name: "totals instead of what was added", Rules: []string{`aggregation_temporality != AGG`}, Bodies: send(like(statistics(cumulative(counter("searches", whole(1000, web))))))},
		{Name: "1,000 at once in a state", Rules: []string{`(value_int > 1 or value_int < -1)`}, Bodies: send(like(states(occupancy(whole(1000, metricState)))))},
		{Name: "1,000 at once out of a state", Rules: []string{`(value_int > 1 or value_int < -1)`}, Bodies: send(like(states(occupancy(whole(-1000, metricState)))))},
		{Name: "1,000 at once in a state by another name", Rules: []string{`(value_int > 1 or value_int < -1)`}, Bodies: send(like(states(updown("units_occupancy", whole(1000, metricState)))))},
		{Name: "1,000 heartbeats of an installation", Rules: []string{`(metric.type != METRIC_DATA_TYPE_SUM or value_int != 1)`},
			Bodies: send(like(statistics(counter("otelusage.active", whole(1000, text("date", today()), text("period", "day"))))))},
		{Name: "a heartbeat of no date", Rules: []string{`attributes["date"], "^[0-9]{4}`}, Secret: "someday", Bodies: send(like(statistics(counter("otelusage.active", whole(1, text("date", "someday"), text("period", "day"))))), like(statistics(counter("otelusage.active", whole(1)))))},
		{Name: "a heartbeat of a century", Rules: []string{`^(day|week|month)$$`}, Secret: "century", Bodies: send(like(statistics(counter("otelusage.active", whole(1, text("date", today()), text("period", "century"))))))},
		{Name: "1,000 requests for deletion", Rules: []string{`"otelusage.erased" and`}, Hidden: "otelusage_erased_total", Bodies: send(like(statistics(counter("otelusage.erased", whole(1000)))))},
		{Name: "a flag that removes a series", Rules: []string{`flags != 0`}, Bodies: send(like(statistics(counter("searches", numbered(whole(1, web), func(n *number) { n.Flags = 1 })))))},
		{Name: "points without an interval", Rules: []string{`start_time_unix_nano < time`}, Bodies: send(like(statistics(counter("searches", numbered(whole(1, web), func(n *number) { n.StartTimeUnixNano = ended })))))},
		{Name: "a gauge of a state that is 10^18", Rules: []string{`METRIC_DATA_TYPE_GAUGE and (value_int < 0`}, Bodies: send(like(states(gauge("units", whole(1e18, metricState)), gauge("units", decimal(math.NaN(), metricState)))))},
		{Name: "a gauge of another kind", Secret: "searches.gauge", Rules: []string{`METRIC_DATA_TYPE_GAUGE and instrumentation_scope`}, Bodies: send(like(statistics(gauge("searches.gauge", whole(1, web)))))},
	}, histograms()...)
}

func cumulative(m *metric) *metric {
	m.GetSum().AggregationTemporality = metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
	return m
}

func histograms() []Attack {
	session := func(change func(*run)) func() ([]Body, error) {
		return send(like(timers(timer("session", changed(change)))))
	}
	const counts, sums, buckets = `(count < 0 or count > 10000000)`, `not (sum >= 0.0`, `String(bucket_counts)`
	return []Attack{
		{Name: "a histogram count of 2^64-1", Rules: []string{counts}, Bodies: session(func(r *run) { r.Count = math.MaxUint64 })},
		{Name: "a histogram count of 10^15", Rules: []string{counts}, Bodies: session(func(r *run) { r.Count = 1e15 })},
		{Name: "a bucket of 2^62", Rules: []string{buckets}, Bodies: session(func(r *run) { r.BucketCounts[3] = 1 << 62 })},
		{Name: "a bucket of 2^64-1", Rules: []string{buckets}, Bodies: session(func(r *run) { r.BucketCounts[3] = math.MaxUint64 })},
		{Name: "a histogram of 24 buckets", Rules: []string{buckets}, Bodies: session(func(r *run) { r.BucketCounts = r.BucketCounts[1:] })},
		{Name: "a histogram of 70,000 buckets", Rules: []string{buckets}, Bodies: session(func(r *run) { r.BucketCounts = make([]uint64, 70_000) })},
		{Name: "a histogram with other boundaries", Rules: []string{`String(explicit_bounds)`}, Bodies: session(func(r *run) { r.ExplicitBounds = append([]float64{0.0005}, otelusage.TimerBoundaries()[1:]...) })},
		{Name: "a histogram without boundaries", Rules: []string{`String(explicit_bounds)`}, Bodies: session(func(r *run) { r.ExplicitBounds = nil })},
		{Name: "a histogram sum of NaN", Rules: []string{sums}, Bodies: session(func(r *run) { nan := math.NaN(); r.Sum = &nan })},
		{Name: "a negative histogram sum", Rules: []string{sums}, Bodies: session(func(r *run) { less := -1e6; r.Sum = &less })},
		{Name: "a histogram sum of 10^300", Rules: []string{sums}, Bodies: session(func(r *run) { much := 1e300; r.Sum = &much })},
		{Name: "a histogram flag that removes a series", Rules: []string{`flags != 0`}, Bodies: session(func(r *run) { r.Flags = 1 })},
		{Name: "an exponential histogram", Secret: "exponentialHistogram", Rules: []string{`type != METRIC_DATA_TYPE_SUM and type != METRIC_DATA_TYPE_HISTOGRAM and`}, Bodies: send(like(timers(&metric{Name: "session", Unit: "s", Data: &metricspb.Metric_ExponentialHistogram{
			ExponentialHistogram: &metricspb.ExponentialHistogram{AggregationTemporality: delta, DataPoints: []*metricspb.ExponentialHistogramDataPoint{
				{StartTimeUnixNano: started, TimeUnixNano: ended, Count: 1}}}}})))},
		{Name: "a summary", Rules: []string{`type != METRIC_DATA_TYPE_SUM and type != METRIC_DATA_TYPE_HISTOGRAM and`}, Bodies: send(like(timers(&metric{Name: "session", Unit: "s", Data: &metricspb.Metric_Summary{
			Summary: &metricspb.Summary{DataPoints: []*metricspb.SummaryDataPoint{{StartTimeUnixNano: started, TimeUnixNano: ended, Count: 1}}}}})))},
		{Name: "exemplars", Rules: []string{`Len(exemplars)`}, Secret: "exemplar secret", Bodies: send(like(
			timers(timer("session", changed(func(r *run) { r.Exemplars = exemplars() }))),
			statistics(counter("searches", numbered(whole(1, text("via", "web")), func(n *number) { n.Exemplars = exemplars() })))))},
	}
}

func exemplars() []*metricspb.Exemplar {
	return []*metricspb.Exemplar{{TimeUnixNano: ended, FilteredAttributes: []*attribute{text("user", "exemplar secret"), text("", bad)}}}
}
