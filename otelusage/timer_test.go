package otelusage

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

func withClock(tracker *Tracker) *clock {
	c := &clock{now: time.Now()}
	tracker.now = c.Now
	return c
}

func TestTimerRunVerbsAreHarmlessInAnyOrder(t *testing.T) {
	for _, tt := range []struct {
		verbs string // a second passes after each
		want  time.Duration
		count int64
	}{
		{"", 0, 0},
		{"x", 0, 0},
		{"pr", 0, 0},
		{"sx", 1, 1},
		{"ssx", 2, 1},
		{"spprrx", 3, 1},
		{"srx", 2, 1},
		{"spsx", 2, 1},
		{"spx", 1, 1},
		{"sxx", 1, 1},
		{"sxsx", 2, 2},
		{"rpsx", 1, 1},
	} {
		var tracker Tracker
		c := withClock(&tracker)
		timer := must[*Timer](t)(tracker.Timer("t"))
		for name, r := range map[string]interface {
			Start()
			Pause()
			Resume()
			Stop() time.Duration
			Elapsed() time.Duration
		}{"own": timer, "run": timer.NewRun(), "bound": timer.With(web)} {
			before, count := timer.Total()+timer.With(web).Total(), timer.Count()+timer.With(web).Count()
			var sum time.Duration
			for _, verb := range tt.verbs {
				switch verb {
				case 's':
					r.Start()
				case 'p':
					r.Pause()
				case 'r':
					r.Resume()
				case 'x':
					elapsed := r.Elapsed()
					d := r.Stop()
					if d != elapsed || r.Elapsed() != 0 {
						t.Errorf("%s %s: Elapsed %v, Stop %v", name, tt.verbs, elapsed, d)
					}
					sum += d
				}
				c.advance(time.Second)
			}
			if sum != tt.want*time.Second {
				t.Errorf("%s %s: %v, want %ds", name, tt.verbs, sum, tt.want)
			}
			if d, n := timer.Total()+timer.With(web).Total()-before, timer.Count()+timer.With(web).Count()-count; d != sum || n != tt.count {
				t.Errorf("%s %s: recorded %v in %d runs", name, tt.verbs, d, n)
			}
		}
		if len(tracker.runs) != 0 {
			t.Errorf("%s: %d runs are still held", tt.verbs, len(tracker.runs))
		}
	}
}

func TestTimerReportsSecondsAndKnowsItsLifetime(t *testing.T) {
	l := &ledger{lives: map[string]Lifetime{"task": {Series: []SeriesLifetime{
		{Count: 2, Float: 100}, {Attributes: attribute.NewSet(web), Count: 1, Float: 0.5}}}}}
	tracker, sdk, h := attached(t, WithLedger(l))
	c := withClock(tracker)
	timer := must[*Timer](t)(tracker.Timer("task", WithDescription("work")))
	run := timer.Begin()
	c.advance(50 * time.Second)
	run.Stop()
	timer.With(web).Record(t.Context(), time.Second/2)
	timer.Record(t.Context(), -1)
	if timer.Total() != 150*time.Second || timer.Count() != 3 || timer.Average() != 50*time.Second {
		t.Errorf("%v %v %v", timer.Total(), timer.Count(), timer.Average())
	}
	if timer.With(web).Total() != time.Second || timer.String() != "task: 3 runs, 2 minutes 30 seconds" {
		t.Errorf("%v; %s", timer.With(web).Total(), timer)
	}
	m := sdk.metrics(t)["task"]
	d := m.Data.(metricdata.Histogram[float64])
	if m.Unit != "s" || m.Description != "work" || !slices.Equal(d.DataPoints[0].Bounds, TimerBoundaries()) || len(d.DataPoints) != 2 {
		t.Errorf("%+v", m)
	}
	assertPoints(t, sdk, map[string]string{"task": "1 in 50s", "task{via=web}": "1 in 0.5s"})
	if h.count(ErrInvalidValue) != 1 {
		t.Errorf("handled %v", h.errs)
	}
}

func TestTimerBoundariesAscend(t *testing.T) {
	b := TimerBoundaries()
	if !slices.IsSorted(b) || len(slices.Compact(slices.Clone(b))) != len(b) || b[0] != 0.001 || b[len(b)-1] < 86400 || len(b) < 20 || len(b) > 24 {
		t.Errorf("%v", b)
	}
	b[0] = 9
	if TimerBoundaries()[0] == 9 {
		t.Error("not a copy")
	}
}

// What is recorded before and after attaching is one histogram, as if all had
// come after.
func TestTimerReplaysItsBuckets(t *testing.T) {
	var durations []time.Duration
	for _, b := range boundaries {
		d := time.Duration(b * 1e9)
		durations = append(durations, d-1, d, d, d, d+1, d+d/10)
	}
	durations = append(durations, 0, 30*24*time.Hour)
	histogram := func(before bool) metricdata.HistogramDataPoint[float64] {
		var tracker Tracker
		sdk := newSDK()
		timer := must[*Timer](t)(tracker.Timer("t"))
		attach := func() {
			if err := tracker.Attach(WithMeterProvider(sdk)); err != nil {
				t.Fatal(err)
			}
		}
		if !before {
			attach()
		}
		for _, d := range durations {
			timer.Record(t.Context(), d)
		}
		if before {
			attach()
		}
		return sdk.metrics(t)["t"].Data.(metricdata.Histogram[float64]).DataPoints[0]
	}
	want, got := histogram(false), histogram(true)
	if got.Count != want.Count || !slices.Equal(got.BucketCounts, want.BucketCounts) || got.Sum/want.Sum-1 > 1e-9 || want.Sum/got.Sum-1 > 1e-9 {
		t.Errorf("replayed %+v\nwant     %+v", got, want)
	}
}

func TestTimerPassesNoTraceOn(t *testing.T) {
	sdk := newSDK(sdkmetric.WithExemplarFilter(exemplar.AlwaysOnFilter))
	tracker, err := New(WithMeterProvider(sdk))
	if err != nil {
		t.Fatal(err)
	}
	ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled}))
	must[*Timer](t)(tracker.Timer("t")).Record(ctx, time.Second)
	for _, e := range sdk.metrics(t)["t"].Data.(metricdata.Histogram[float64]).DataPoints[0].Exemplars {
		if len(e.TraceID) != 0 || len(e.SpanID) != 0 {
			t.Errorf("exemplar with trace %x", e.TraceID)
		}
	}
}

func TestCloseStopsAndRecordsWhatRuns(t *testing.T) {
	tracker, sdk, h := attached(t)
	c := withClock(tracker)
	timer := must[*Timer](t)(tracker.Timer("t"))
	timer.Start()
	paused, idle := timer.Begin(), timer.NewRun()
	c.advance(time.Second)
	paused.Pause()
	c.advance(time.Second)
	for range 2 {
		if err := tracker.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if paused.Stop() != 0 || idle.Stop() != 0 || timer.Stop() != 0 {
		t.Error("a run was not stopped")
	}
	assertPoints(t, sdk, map[string]string{"t": "2 in 3s"})
	timer.Start()
	c.advance(time.Second)
	timer.Stop()
	if timer.Count() != 3 || len(tracker.runs) != 0 {
		t.Errorf("%d runs recorded after Close, %d held", timer.Count(), len(tracker.runs))
	}
	if s, err := tracker.Statistic("late"); s == nil || err == nil || h.count(ErrClosed) != 1 {
		t.Errorf("Statistic after Close: %v, %v", s, err)
	}
}

func TestStartedRunsAreBounded(t *testing.T) {
	tracker, _, h := attached(t)
	timer := must[*Timer](t)(tracker.Timer("t"))
	runs := make([]*Run, maxRuns+5)
	for i := range runs {
		runs[i] = timer.Begin()
	}
	if len(tracker.runs) != maxRuns || len(h.errs) != 1 {
		t.Errorf("%d runs held; %v", len(tracker.runs), h.errs)
	}
	for _, r := range runs {
		r.Stop()
	}
	if timer.Count() != int64(len(runs)) || len(tracker.runs) != 0 {
		t.Errorf("%d recorded, %d held", timer.Count(), len(tracker.runs))
	}
}

func TestManyTimerSetsAreBounded(t *testing.T) {
	var tracker Tracker
	timer := must[*Timer](t)(tracker.Timer("t"))
	for i := range 5000 {
		timer.With(attribute.Int("i", i)).Record(context.Background(), time.Second)
	}
	sdk := newSDK()
	if err := tracker.Attach(WithMeterProvider(sdk)); err != nil {
		t.Fatal(err)
	}
	points := sdk.points(t)
	// The set without attributes has nothing to report but takes a place.
	if want := fmt.Sprintf("%d in %ds", 5001-MaxSeries, 5001-MaxSeries); points["t{otel.metric.overflow=true}"] != want || len(points) != MaxSeries {
		t.Errorf("%d points, overflow %s", len(points), points["t{otel.metric.overflow=true}"])
	}
}

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                            "0 seconds",
		time.Second:                  "1 second",
		2 * time.Second:              "2 seconds",
		1500 * time.Millisecond:      "1.5 seconds",
		250 * time.Millisecond:       "0.25 seconds",
		2 * time.Microsecond:         "0.000002 seconds",
		1:                            "0.000000001 seconds",
		time.Minute:                  "1 minute",
		time.Hour + 5*time.Second:    "1 hour 5 seconds",
		24 * time.Hour:               "1 day",
		366 * 24 * time.Hour:         "1 year 1 day",
		51*time.Hour + 5*time.Second: "2 days 3 hours 5 seconds",
		-90 * time.Second:            "-1 minute 30 seconds",
		-1 << 63:                     "-292 years 171 days 23 hours 47 minutes 16.854775808 seconds",
	} {
		if got := FormatDuration(d); got != want {
			t.Errorf("FormatDuration(%d) = %q, want %q", d, got, want)
		}
	}
}
