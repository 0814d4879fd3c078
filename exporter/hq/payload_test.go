package hq

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// wanted is the sample of the protocol's description.
const wanted = `{"API Key": "k", "User Identifier": "user-1", "Application Name": "MyApp", "Application Version": "1.0.0",
 "Data": {
  "__submissions__": {"type": "Statistic", "description": "The number of statistic submissions to the server.", "data": 1.0},
  "n":           {"type": "Statistic", "description": "a number", "data": 10.0},
  "Unit_System": {"type": "State", "description": "units", "data": "US Standard"},
  "server":      {"type": "State", "description": "", "data": "No State"},
  "task_A":      {"type": "Timer", "description": "", "data": 2e-06},
  "s":           {"type": "Sequence", "description": "", "data": 1.0},
  "untouched":   {"type": "Statistic", "description": "", "data": 0}}}`

func parsed(t *testing.T, body string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return v
}

func TestUploadEqualsTheProtocolsSample(t *testing.T) {
	s := startServer(t, accept, nil)
	e := newExporter(t, Config{Host: s.URL, APIKey: "k"})
	if err := e.Export(t.Context(), sample()); err != nil {
		t.Fatal(err)
	}
	got := s.only(t)
	if !reflect.DeepEqual(parsed(t, got.body), parsed(t, wanted)) {
		t.Errorf("got  %s\nwant %s", got.body, wanted)
	}
	if got.method != "POST" || got.path != "/usagestats/upload" || got.query != "" || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("the request is %s %s?%s %v", got.method, got.path, got.query, got.header)
	}
}

func TestEncodeShowsWhatIsSentWithoutTheKey(t *testing.T) {
	body, err := Encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"API Key":"***","User Identifier":"user-1","Application Name":"MyApp","Application Version":"1.0.0","Data":{` +
		`"Unit_System":{"type":"State","description":"units","data":"US Standard"},` +
		`"__submissions__":{"type":"Statistic","description":"The number of statistic submissions to the server.","data":1},` +
		`"n":{"type":"Statistic","description":"a number","data":10},` +
		`"s":{"type":"Sequence","description":"","data":1},` +
		`"server":{"type":"State","description":"","data":"No State"},` +
		`"task_A":{"type":"Timer","description":"","data":0.000002},` +
		`"untouched":{"type":"Statistic","description":"","data":0}}}`
	if string(body) != want {
		t.Errorf("got  %s\nwant %s", body, want)
	}
	s := startServer(t, accept, nil)
	if err := newExporter(t, Config{Host: s.URL, APIKey: "***"}).Export(t.Context(), sample()); err != nil {
		t.Fatal(err)
	}
	if got := s.only(t).body; got != want {
		t.Errorf("what is sent differs: %s", got)
	}
}

func TestSeriesBecomeOneValue(t *testing.T) {
	a, b := attribute.Int("i", 1), attribute.Int("i", 2)
	state := otelusage.StateKey.String
	older := metricdata.DataPoint[int64]{Value: 1, Time: at.Add(-time.Hour), Attributes: attribute.NewSet(state("old"))}
	cleared := metricdata.DataPoint[int64]{Time: at.Add(time.Hour)}
	for name, tt := range map[string]struct {
		scopes []metricdata.ScopeMetrics
		want   string // as JSON
	}{
		"beyond float64's integers": {[]metricdata.ScopeMetrics{usage(otelusage.KindStatistic, sum("x", "", point[int64](1<<53, a), point[int64](1, b)))}, `{"type":"Statistic","description":"","data":9007199254740993}`},
		"beyond int64":              {[]metricdata.ScopeMetrics{usage(otelusage.KindStatistic, sum("x", "", point[int64](math.MaxInt64, a), point[int64](1, b)))}, `{"type":"Statistic","description":"","data":9223372036854775808}`},
		"below 0":                   {[]metricdata.ScopeMetrics{usage(otelusage.KindStatistic, sum("x", "", point[int64](-5)))}, `{"type":"Statistic","description":"","data":-5}`},
		"floats":                    {[]metricdata.ScopeMetrics{usage(otelusage.KindStatistic, sum("x", "", point(0.25, a), point(-1.5, b)))}, `{"type":"Statistic","description":"","data":-1.25}`},
		"no point":                  {[]metricdata.ScopeMetrics{usage(otelusage.KindStatistic, sum[int64]("x", "d"))}, `{"type":"Statistic","description":"d","data":0}`},
		"number types of two releases": {[]metricdata.ScopeMetrics{
			usage(otelusage.KindStatistic, sum("x", "first", point[int64](2))),
			usage(otelusage.KindStatistic, sum("x", "", point(0.5))),
		}, `{"type":"Statistic","description":"first","data":2.5}`},
		"declared anew as another kind": {[]metricdata.ScopeMetrics{
			usage(otelusage.KindStatistic, sum("x", "old", point[int64](9))),
			usage(otelusage.KindSequence, sum("x", "", point[int64](2))),
		}, `{"type":"Sequence","description":"","data":2}`},
		"histogram of integers":    {[]metricdata.ScopeMetrics{usage(otelusage.KindTimer, histogram[int64]("x", 2, 3))}, `{"type":"Timer","description":"","data":5}`},
		"exponential":              {[]metricdata.ScopeMetrics{usage(otelusage.KindTimer, exponential("x", 2.5, 0.25))}, `{"type":"Timer","description":"","data":2.75}`},
		"exponential of integers":  {[]metricdata.ScopeMetrics{usage(otelusage.KindTimer, exponential[int64]("x", 2, 3))}, `{"type":"Timer","description":"","data":5}`},
		"timer never used":         {[]metricdata.ScopeMetrics{usage(otelusage.KindTimer, histogram[float64]("x", 0))}, `{"type":"Timer","description":"","data":0}`},
		"newest state":             {[]metricdata.ScopeMetrics{usage(otelusage.KindState, gauge("x", "", point[int64](1, state("new")), older))}, `{"type":"State","description":"","data":"new"}`},
		"state cleared last":       {[]metricdata.ScopeMetrics{usage(otelusage.KindState, gauge("x", "", point[int64](1, state("new")), cleared))}, `{"type":"State","description":"","data":"No State"}`},
		"state beats none":         {[]metricdata.ScopeMetrics{usage(otelusage.KindState, gauge("x", "", point[int64](1, state("on")), point[int64](0)))}, `{"type":"State","description":"","data":"on"}`},
		"state left, with value 0": {[]metricdata.ScopeMetrics{usage(otelusage.KindState, gauge("x", "", point[int64](0, state("left"))))}, `{"type":"State","description":"","data":"No State"}`},
		"state without points":     {[]metricdata.ScopeMetrics{usage(otelusage.KindState, gauge[int64]("x", ""))}, `{"type":"State","description":"","data":"No State"}`},
		"gauge of floats":          {[]metricdata.ScopeMetrics{usage(otelusage.KindState, gauge("x", "", point(1.0, state("on"))))}, `{"type":"State","description":"","data":"on"}`},
		"text with JSON in it":     {[]metricdata.ScopeMetrics{usage(otelusage.KindState, gauge("x", `"}, <b>`, point[int64](1, state(`"}]\`))))}, `{"type":"State","description":"\"}, <b>","data":"\"}]\\"}`},
		"suffix of another kind":   {[]metricdata.ScopeMetrics{usage(otelusage.KindStatistic, sum("x.checkpoints", "", point[int64](1)))}, ``},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := Encode(collected(tt.scopes...))
			if err != nil {
				t.Fatal(err)
			}
			var p struct{ Data map[string]json.RawMessage }
			if err := json.Unmarshal(body, &p); err != nil {
				t.Fatal(err)
			}
			if len(p.Data) != 1 || tt.want != "" && string(p.Data["x"]) != tt.want {
				t.Errorf("got %s, want %s", p.Data, tt.want)
			}
		})
	}
}

func TestWhatIsNotForHQIsLeftOut(t *testing.T) {
	unknown := usage(otelusage.KindStatistic, sum("x", "", point[int64](1)))
	unknown.Scope.Attributes = attribute.NewSet(otelusage.KindKey.String("gauge"))
	none := usage(otelusage.KindStatistic, sum("x", "", point[int64](1)))
	none.Scope.Attributes = *attribute.EmptySet()
	foreign := usage(otelusage.KindStatistic, sum("otelusage.submissions", "", point[int64](1)))
	foreign.Scope = instrumentation.Scope{Name: "else"}
	rm := collected(unknown, none, foreign,
		usage(otelusage.KindState, sum("a.changes", "", point[int64](1)), sum("a.occupancy", "", point[int64](1))),
		usage(otelusage.KindSequence, sum("a.checkpoints", "", point[int64](1))),
		usage(otelusage.KindStatistic, sum("otelusage.active", "", point[int64](1)), sum("__submissions__", "", point[int64](1))),
	)
	body, err := Encode(rm)
	if err != nil || !strings.HasSuffix(string(body), `"Data":{}}`) {
		t.Errorf("got %s, %v", body, err)
	}
	s := startServer(t, accept, nil)
	e := newExporter(t, Config{Host: s.URL})
	for _, rm := range []*metricdata.ResourceMetrics{rm, {}} {
		if err := e.Export(t.Context(), rm); err != nil {
			t.Error(err)
		}
	}
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d requests were made of nothing", n)
	}
}

func TestVersions(t *testing.T) {
	s := startServer(t, accept, nil)
	e := newExporter(t, Config{Host: s.URL})
	for version, ok := range map[string]bool{
		// What the server's own rule finds and does not find.
		"1.0": true, "1.0.0": true, "1.0.0-beta": true, "v2.3": true, "10.12.2026": true, "1-0, build 10": true,
		"42": true, "2024": true, "r123": true, "v12": true, "1_0": true, "1`0": true, "1 beta 2": true, "1\t\n\v\f\r2": true, "1A-22": true,
		"1": false, "dev": false, "": false, "1.": false, ".1": false, "(devel)": false, "١.٢": false,
		"v5-rc1": false, "1-0": false, "1,0": false, "1+2": false, "2.x (build 7)": false, "1\u00a02": false, "1ä2": false, "1\x1c2": false,
	} {
		rm := sample()
		rm.Resource = identity(version)
		sent := len(s.requests())
		err := e.Export(t.Context(), rm)
		_, encodeErr := Encode(rm)
		if ok {
			if err != nil || encodeErr != nil {
				t.Errorf("%q: %v, %v", version, err, encodeErr)
			}
			continue
		}
		o := outcomeOf(t, err)
		if o.Class != outcome.Refused || o.Status != 0 || !errors.Is(err, ErrVersion) || !errors.Is(encodeErr, ErrVersion) {
			t.Errorf("%q: %v, %v", version, err, encodeErr)
		}
		if !strings.Contains(o.Reason, "two digits") || len(s.requests()) != sent {
			t.Errorf("%q: was sent, or the rule is not told: %v", version, err)
		}
	}
}

func TestWhatCannotBeUploadedIsNotSent(t *testing.T) {
	delta := sum("x", "", point[int64](1))
	delta.Data = metricdata.Sum[int64]{Temporality: metricdata.DeltaTemporality, DataPoints: []metricdata.DataPoint[int64]{point[int64](1)}}
	deltaTimer := metricdata.Metrics{Name: "x", Data: metricdata.Histogram[float64]{Temporality: metricdata.DeltaTemporality}}
	without := func(r *resource.Resource) *metricdata.ResourceMetrics {
		rm := sample()
		rm.Resource = r
		return rm
	}
	stat := func(m metricdata.Metrics) *metricdata.ResourceMetrics {
		return collected(usage(otelusage.KindStatistic, m))
	}
	s := startServer(t, accept, nil)
	e := newExporter(t, Config{Host: s.URL})
	for name, tt := range map[string]struct {
		rm   *metricdata.ResourceMetrics
		want error
	}{
		"nil":                {nil, ErrData},
		"no resource":        {without(nil), ErrNoInstallationID},
		"no id":              {without(resource.NewSchemaless(attribute.String("service.name", "a"), attribute.String("service.version", "1.0"))), ErrNoInstallationID},
		"id that is no text": {without(resource.NewSchemaless(attribute.Int("app.installation.id", 1))), ErrNoInstallationID},
		"no name":            {without(resource.NewSchemaless(attribute.String("app.installation.id", "a"), attribute.String("service.version", "1.0"))), ErrNoApplicationName},
		"NaN":                {stat(sum("x", "", point(math.NaN()))), ErrData},
		"infinite":           {stat(sum("x", "", point(math.Inf(-1)))), ErrData},
		"infinite in sum":    {stat(sum("x", "", point(math.MaxFloat64), point(math.MaxFloat64))), ErrData},
		"NaN seconds":        {collected(usage(otelusage.KindTimer, histogram("x", math.NaN()))), ErrData},
		"delta":              {stat(delta), ErrData},
		"delta timer":        {collected(usage(otelusage.KindTimer, deltaTimer)), ErrData},
		"no data":            {stat(metricdata.Metrics{Name: "x"}), ErrData},
		"statistic of gauge": {stat(gauge("x", "", point[int64](1))), ErrData},
		"state of sum":       {collected(usage(otelusage.KindState, sum("x", "", point[int64](1)))), ErrData},
		"timer of sum":       {collected(usage(otelusage.KindTimer, sum("x", "", point[int64](1)))), ErrData},
		"sequence of timer":  {collected(usage(otelusage.KindSequence, histogram("x", 1.0))), ErrData},
		"key as name":        {stat(metricdata.Metrics{Name: testKey}), ErrData},
		"newline as version": {without(identity("\n")), ErrVersion},
	} {
		err := e.Export(t.Context(), tt.rm)
		if o := outcomeOf(t, err); o.Class != outcome.Refused || o.Status != 0 || !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v (%v), want %v", name, err, o.Class, tt.want)
		}
		if body, err := Encode(tt.rm); body != nil || !errors.Is(err, tt.want) {
			t.Errorf("%s: Encode returned %s, %v", name, body, err)
		}
	}
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

func TestExportChangesNothing(t *testing.T) {
	s := startServer(t, accept, nil)
	rm := sample()
	if err := newExporter(t, Config{Host: s.URL}).Export(t.Context(), rm); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(rm, sample()) {
		t.Error("Export changed its argument")
	}
}
