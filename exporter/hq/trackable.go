package hq

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

const (
	// submissions is the metric that counts accepted submissions, and what HQ
	// and the Python library call it.
	submissions            = otelusage.ReservedPrefix + "submissions"
	submissionsName        = "__submissions__"
	submissionsDescription = "The number of statistic submissions to the server."

	// noState is how HQ shows a State that none was ever set of.
	noState = "No State"
)

// types are HQ's names of the kinds. It answers any other with 500.
var types = map[otelusage.Kind]string{
	otelusage.KindStatistic: "Statistic",
	otelusage.KindState:     "State",
	otelusage.KindTimer:     "Timer",
	otelusage.KindSequence:  "Sequence",
}

// trackable is what all series of one name come to.
type trackable struct {
	kind        otelusage.Kind
	description string
	integers    big.Int // exact, however many series there are
	floats      float64
	float       bool
	state       string
	stateTime   time.Time
}

// data is the value as the payload has it.
func (t *trackable) data() any {
	switch {
	case t.kind == otelusage.KindState && t.state == otelusage.NoState:
		return noState
	case t.kind == otelusage.KindState:
		return t.state
	case t.float:
		f, _ := new(big.Float).SetInt(&t.integers).Float64()
		return f + t.floats
	}
	return &t.integers
}

// trackables are the trackables of rm by the name HQ gets.
func trackables(rm *metricdata.ResourceMetrics) (map[string]*trackable, *outcome.Error) {
	found := make(map[string]*trackable)
	for i := range rm.ScopeMetrics {
		sm := &rm.ScopeMetrics[i]
		if sm.Scope.Name != otelusage.ScopeName {
			continue
		}
		for j := range sm.Metrics {
			m := &sm.Metrics[j]
			name, kind, ok := uploaded(sm.Scope.Attributes, m.Name)
			if !ok {
				continue
			}
			t := found[name]
			if t == nil || t.kind != kind {
				t = &trackable{kind: kind}
				found[name] = t
			}
			if err := t.add(m); err != nil {
				return nil, err
			}
		}
	}
	if t := found[submissionsName]; t != nil {
		t.description = submissionsDescription
	}
	for name, t := range found {
		if f, ok := t.data().(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
			return nil, unsendable(ErrData, fmt.Sprintf("%s: the value of %s is not a finite number", ErrData, quoteName(name)))
		}
	}
	return found, nil
}

// uploaded says whether HQ gets a metric, under which name and as which kind.
func uploaded(scope attribute.Set, metric string) (name string, kind otelusage.Kind, ok bool) {
	if metric == submissions {
		return submissionsName, otelusage.KindStatistic, true
	}
	if metric == submissionsName || strings.HasPrefix(metric, otelusage.ReservedPrefix) {
		return "", 0, false
	}
	v, _ := scope.Value(otelusage.KindKey)
	kind, ok = otelusage.ParseKind(v.AsString())
	switch {
	case !ok:
		return "", 0, false
	case kind == otelusage.KindState && (strings.HasSuffix(metric, otelusage.ChangesSuffix) || strings.HasSuffix(metric, otelusage.OccupancySuffix)):
		return "", 0, false
	case kind == otelusage.KindSequence && strings.HasSuffix(metric, otelusage.CheckpointsSuffix):
		return "", 0, false
	}
	return metric, kind, true
}

// add counts a metric in.
func (t *trackable) add(m *metricdata.Metrics) *outcome.Error {
	if m.Description != "" {
		t.description = m.Description
	}
	temporality, ok := metricdata.CumulativeTemporality, false
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		temporality, ok = data.Temporality, t.kind == otelusage.KindStatistic || t.kind == otelusage.KindSequence
		for _, p := range data.DataPoints {
			t.integers.Add(&t.integers, big.NewInt(p.Value))
		}
	case metricdata.Sum[float64]:
		temporality, ok = data.Temporality, t.kind == otelusage.KindStatistic || t.kind == otelusage.KindSequence
		t.float = true
		for _, p := range data.DataPoints {
			t.floats += p.Value
		}
	case metricdata.Gauge[int64]:
		ok = t.kind == otelusage.KindState
		setState(t, data.DataPoints)
	case metricdata.Gauge[float64]:
		ok = t.kind == otelusage.KindState
		setState(t, data.DataPoints)
	case metricdata.Histogram[int64]:
		temporality, ok = data.Temporality, t.kind == otelusage.KindTimer
		for _, p := range data.DataPoints {
			t.addSeconds(float64(p.Sum))
		}
	case metricdata.Histogram[float64]:
		temporality, ok = data.Temporality, t.kind == otelusage.KindTimer
		for _, p := range data.DataPoints {
			t.addSeconds(p.Sum)
		}
	case metricdata.ExponentialHistogram[int64]:
		temporality, ok = data.Temporality, t.kind == otelusage.KindTimer
		for _, p := range data.DataPoints {
			t.addSeconds(float64(p.Sum))
		}
	case metricdata.ExponentialHistogram[float64]:
		temporality, ok = data.Temporality, t.kind == otelusage.KindTimer
		for _, p := range data.DataPoints {
			t.addSeconds(p.Sum)
		}
	}
	switch {
	case !ok:
		return unsendable(ErrData, fmt.Sprintf("%s: %s is a %s and cannot be made of %T", ErrData, quoteName(m.Name), t.kind, m.Data))
	case temporality != metricdata.CumulativeTemporality:
		// It would replace a lifetime's numbers with what was added last.
		return unsendable(ErrData, fmt.Sprintf("%s: %s is not cumulative", ErrData, quoteName(m.Name)))
	}
	return nil
}

func (t *trackable) addSeconds(s float64) {
	t.float = true
	t.floats += s
}

// setState takes the newest point, and of points of one time the last that has
// a state.
func setState[N int64 | float64](t *trackable, points []metricdata.DataPoint[N]) {
	for i := range points {
		p := &points[i]
		v, _ := p.Attributes.Value(otelusage.StateKey)
		state := v.AsString()
		if p.Value == 0 {
			state = otelusage.NoState
		}
		if p.Time.After(t.stateTime) || p.Time.Equal(t.stateTime) && state != otelusage.NoState {
			t.state, t.stateTime = state, p.Time
		}
	}
}

// quoteName makes any metric name fit for a reason.
func quoteName(name string) string { return fmt.Sprintf("%q", redact.Shorten(redact.Line(name))) }
