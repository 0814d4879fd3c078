package nilsafe

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/exporter/hq"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp/light"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/health"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/localstore/view"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/otelusagetest"
	"github.com/anonymoususage/anonymoususage-go/otelusage/plan"
	"github.com/anonymoususage/anonymoususage-go/otelusage/setup"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
	"github.com/anonymoususage/anonymoususage-go/sequence"
)

const modulePath = "github.com/anonymoususage/anonymoususage-go/"

// zeros has a pointer to each exported type with methods.
var zeros = []any{
	new(sequence.Sequence),
	new(otelusage.Tracker), new(otelusage.Statistic), new(otelusage.FloatStatistic), new(otelusage.State), new(otelusage.Timer),
	new(otelusage.Run), new(otelusage.Sequence), new(otelusage.SequenceRun), new(otelusage.Kind),
	new(otelusage.Plan), new(plan.Document), new(standalone.Config), new(setup.Config), new(standalone.Usage), new(setup.FileError), new(setup.OTLP), new(setup.HQ),
	new(localstore.Store), new(recording.Writer), new(recording.Recorder), new(outbox.Outbox), new(snapshot.Reader), new(outbox.Submission), new(series.Part), new(series.Metric), new(series.Histogram), new(health.Health), new(snapshot.Amount), new(snapshot.Added), new(snapshot.Distribution), new(snapshot.Preview),
	new(otelusagetest.Moment), new(snapshot.Snapshot), new(snapshot.Trackable), new(snapshot.SeriesCounts), new(series.Value), new(snapshot.LogEntry), new(snapshot.SentPart), new(consent.Mode), new(consent.Circumstances),
	new(exporter.Exporter), new(exporter.Reader), new(otlp.Exporter), new(light.Exporter), new(hq.Exporter), new(hq.Config), new(outcome.Error), new(outcome.Class),
	new(view.Handler),
}

// quiet are the methods of nil whose error is nil, because there is nothing to
// do and the application has heard of it already.
var quiet = map[string]bool{
	"otelusage.Tracker.Close": true, "otelusage.Tracker.Err": true,
	"otelusage/standalone.Usage.Close": true, "otelusage/standalone.Usage.Shutdown": true, "otelusage/standalone.Usage.Flush": true,
	"otelusage/standalone.Usage.Err": true, "otelusage/standalone.Usage.Consent": true,
	"localstore.Store.Close":   true,
	"exporter.Exporter.Export": true, "exporter.Exporter.ForceFlush": true, "exporter.Exporter.Shutdown": true,
	"exporter.Reader.Record": true, "exporter.Reader.ForceFlush": true, "exporter.Reader.Shutdown": true,
	"localstore/view.Handler.Close":    true,
	"otelusage/setup.FileError.Unwrap": true, "exporter/outcome.Error.Unwrap": true,
}

func nameOf(v any) string {
	of := reflect.TypeOf(v).Elem()
	return strings.TrimPrefix(of.PkgPath(), modulePath) + "." + of.Name()
}

func TestEveryTypeIsTried(t *testing.T) {
	tried := make(map[string]bool)
	for _, zero := range zeros {
		tried[nameOf(zero)] = true
	}
	sameNames(t, "type", parseModule(t).types, tried)
}

// TestEveryMethodOfNil returns an error or does nothing.
func TestEveryMethodOfNil(t *testing.T) {
	for _, zero := range zeros {
		of := reflect.TypeOf(zero)
		for i := range of.NumMethod() {
			m := of.Method(i)
			if _, byValue := of.Elem().MethodByName(m.Name); byValue {
				continue // Go itself dereferences the nil
			}
			name := nameOf(zero) + "." + m.Name
			for _, out := range callAll(t, name, reflect.Zero(of), i) {
				if err, isError := out.Interface().(error); out.Type() == errorType && (isError && err != nil) == quiet[name] {
					t.Errorf("%s of nil returns %v", name, err)
				}
			}
		}
	}
}

func TestEveryMethodOfAZeroValue(t *testing.T) {
	for _, zero := range zeros {
		everyMethod(t, nameOf(zero), zero)
	}
}

// TestEveryMethodOfWhatFailed: what constructors return beside an error, and
// what is left when a mirror cannot be opened, or was closed.
func TestEveryMethodOfWhatFailed(t *testing.T) {
	nowhere := filepath.Join(aFile(t), "usage.db")
	store, err := localstore.Open(nowhere)
	failed(t, "localstore.Open", err)
	exp, err := exporter.New(store)
	failed(t, "exporter.New", err)
	page, err := view.New(store)
	failed(t, "view.New", err)
	seq, err := sequence.New()
	failed(t, "sequence.New", err)
	wire, err := otlp.New(t.Context(), otlp.WithEndpointURL("nowhere"))
	failed(t, "otlp.New", err)
	small, err := light.New(t.Context(), light.WithEndpointURL("nowhere"))
	failed(t, "light.New", err)
	upload, err := hq.New(hq.Config{})
	failed(t, "hq.New", err)
	usage, err := standalone.Start(t.Context(), standalone.Config{FilePath: nowhere, Tracker: new(otelusage.Tracker), Forwarder: wire})
	failed(t, "standalone.Start", err)
	reader := exporter.NewReader(exp)
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	tracker, err := otelusage.New(otelusage.WithMeterProvider(provider), otelusage.WithLedger(store), otelusage.WithErrorHandler(func(error) {}))
	must(t, err)
	for _, name := range []string{"", "bad name\x00"} {
		s, err := tracker.Statistic(name)
		failed(t, "Tracker.Statistic", err)
		everyMethod(t, "a Statistic that was refused", s)
		q, err := tracker.Sequence(name, nil)
		failed(t, "Tracker.Sequence", err)
		everyMethod(t, "a Sequence that was refused", q)
	}
	for name, v := range map[string]any{"localstore.Open": store, "exporter.New": exp, "view.New": page, "sequence.New": seq, "otlp.New": wire, "light.New": small,
		"hq.New": upload, "standalone.Start": usage, "exporter.NewReader": reader, "otelusage.New": tracker, "Usage.Store": usage.Store(), "Usage.Tracker": usage.Tracker()} {
		everyMethod(t, name, v)
	}
}

func TestEveryMethodOfWhatWasClosed(t *testing.T) {
	usage, err := standalone.Start(t.Context(), standalone.Config{FilePath: filepath.Join(t.TempDir(), "usage.db"), Tracker: new(otelusage.Tracker)})
	must(t, err)
	page, err := view.New(usage.Store(), view.WithControls(usage), view.WithErrorHandler(func(error) {}))
	must(t, err)
	for range 2 {
		must(t, page.Close())
		must(t, usage.Close())
	}
	everyMethod(t, "a closed Handler", page)
	everyMethod(t, "a closed Store", usage.Store())
	everyMethod(t, "a closed Usage", usage)
	everyMethod(t, "a closed Tracker", usage.Tracker())
}

var errorType = reflect.TypeFor[error]()

func everyMethod(t *testing.T, name string, v any) {
	t.Helper()
	of := reflect.TypeOf(v)
	for _, ending := range []bool{false, true} {
		for i := range of.NumMethod() {
			m := of.Method(i).Name
			if (m == "Close" || m == "Shutdown") == ending {
				callAll(t, name+"."+m, reflect.ValueOf(v), i)
			}
		}
	}
}

// callAll calls a method, and what it returns if that is a function.
func callAll(t *testing.T, name string, v reflect.Value, method int) []reflect.Value {
	t.Helper()
	if v.IsNil() { // reflect makes no method of a nil pointer bound to it, but calls one
		f := v.Type().Method(method).Func
		return call(t, name, f, append([]reflect.Value{v}, zeroArguments(t, f.Type(), 1)...))
	}
	f := v.Method(method)
	return call(t, name, f, zeroArguments(t, f.Type(), 0))
}

func call(t *testing.T, name string, f reflect.Value, args []reflect.Value) (out []reflect.Value) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s panicked: %v", name, p)
		}
	}()
	out = f.Call(args)
	for _, o := range out {
		if o.Kind() == reflect.Func && !o.IsNil() {
			call(t, name+"()", o, zeroArguments(t, o.Type(), 0))
		}
	}
	return out
}

// zeroArguments are nil and zero but for what nobody can call with nil.
func zeroArguments(t *testing.T, f reflect.Type, from int) (args []reflect.Value) {
	for i := from; i < f.NumIn(); i++ {
		if f.IsVariadic() && i == f.NumIn()-1 {
			break
		}
		args = append(args, argument(t, f.In(i)))
	}
	return args
}

// withoutContext says that the context is nil too.
var withoutContext bool

func argument(t *testing.T, of reflect.Type) reflect.Value {
	if withoutContext && of == reflect.TypeFor[context.Context]() {
		return reflect.Zero(of)
	}
	for _, given := range []any{t.Context(), httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), state{io.Discard}, io.Discard, refused{t}, t, sdkmetric.InstrumentKindCounter} {
		if reflect.TypeOf(given).AssignableTo(of) && (of.Kind() == reflect.Interface && of.NumMethod() > 0 || of.Kind() != reflect.Interface) {
			return reflect.ValueOf(given)
		}
	}
	if of.Kind() == reflect.Func { // as of a range over an iterator
		return reflect.MakeFunc(of, func([]reflect.Value) []reflect.Value {
			var results []reflect.Value
			for i := range of.NumOut() {
				results = append(results, reflect.Zero(of.Out(i)))
			}
			return results
		})
	}
	return reflect.Zero(of)
}

// refused is the test of somebody who asks for what is not there: it is told, and
// that is right.
type refused struct{ testing.TB }

func (refused) Errorf(string, ...any) {}

// state is what fmt gives to a Formatter.
type state struct{ io.Writer }

func (state) Width() (int, bool)     { return 0, false }
func (state) Precision() (int, bool) { return 0, false }
func (state) Flag(int) bool          { return false }

var _ fmt.State = state{}

// TestEveryMethodWithoutAContext: nil stands for one that never ends.
func TestEveryMethodWithoutAContext(t *testing.T) {
	withoutContext = true
	defer func() { withoutContext = false }()
	for name, test := range map[string]func(*testing.T){
		"of nil": TestEveryMethodOfNil, "of a zero value": TestEveryMethodOfAZeroValue, "of what failed": TestEveryMethodOfWhatFailed,
		"of what was closed": TestEveryMethodOfWhatWasClosed, "of what works": TestEveryMethodOfWhatWorks,
		"functions": TestEveryFunctionOfNothing,
	} {
		t.Run(name, test)
	}
}

// TestCountsInMemoryWithoutAMirror: a reader beside the application's own.
func TestCountsInMemoryWithoutAMirror(t *testing.T) {
	store, err := localstore.Open(filepath.Join(aFile(t), "usage.db"))
	failed(t, "localstore.Open", err)
	exp, err := exporter.New(store)
	failed(t, "exporter.New", err)
	own := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(own), sdkmetric.WithReader(exporter.NewReader(exp)))
	tracker, err := otelusage.New(otelusage.WithMeterProvider(provider), otelusage.WithLedger(store))
	must(t, err)
	n, err := tracker.Statistic("n")
	must(t, err)
	n.Inc()
	var rm metricdata.ResourceMetrics
	must(t, own.Collect(t.Context(), &rm))
	if n.Value() != 1 || len(rm.ScopeMetrics) != 1 {
		t.Errorf("%v; the application's reader has %v", n, rm.ScopeMetrics)
	}
	must(t, provider.ForceFlush(t.Context()))
	must(t, tracker.Close())
	must(t, provider.Shutdown(t.Context()))
	must(t, store.Close())
}
