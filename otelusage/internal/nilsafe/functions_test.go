package nilsafe

import (
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/exporter/hq"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp/light"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/health"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect"
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

var functions = map[string]any{
	"sequence.New": sequence.New,

	"otelusage.DeclaredOnly": otelusage.DeclaredOnly, "otelusage.WithKeys": otelusage.WithKeys, "otelusage.WithStates": otelusage.WithStates, "otelusage.WithValues": otelusage.WithValues,
	"otelusage.Default": otelusage.Default, "otelusage.FormatDuration": otelusage.FormatDuration, "otelusage.KeepRedundant": otelusage.KeepRedundant, "otelusage.RenamedFrom": otelusage.RenamedFrom,
	"otelusage.Monotonic": otelusage.Monotonic, "otelusage.New": otelusage.New, "otelusage.NewFloatStatistic": otelusage.NewFloatStatistic,
	"otelusage.NewSequence": otelusage.NewSequence, "otelusage.NewState": otelusage.NewState, "otelusage.NewStatistic": otelusage.NewStatistic,
	"otelusage.NewTimer": otelusage.NewTimer, "otelusage.ParseKind": otelusage.ParseKind, "otelusage.SuggestName": otelusage.SuggestName, "otelusage.TimerBoundaries": otelusage.TimerBoundaries,
	"otelusage.WithDescription": otelusage.WithDescription, "otelusage.WithErrorHandler": otelusage.WithErrorHandler, "otelusage.WithLedger": otelusage.WithLedger,
	"otelusage.WithMeterProvider": otelusage.WithMeterProvider, "otelusage.WithUnit": otelusage.WithUnit,
	"otelusage/otelusagetest.New": otelusagetest.New, "otelusage/otelusagetest.Now": otelusagetest.Now, "otelusage/otelusagetest.Isolate": otelusagetest.Isolate,
	"otelusage/otelusagetest.Count": otelusagetest.Count, "otelusage/otelusagetest.Float": otelusagetest.Float, "otelusage/otelusagetest.Runs": otelusagetest.Runs, "otelusage/otelusagetest.State": otelusagetest.State,
	"otelusage/otelusagetest.Values": otelusagetest.Values, "otelusage/otelusagetest.Plan": otelusagetest.Plan, "otelusage/plan.Collector": plan.Collector, "otelusage/plan.Describe": plan.Describe,
	"otelusage/setup.LoadFile": setup.LoadFile, "otelusage/setup.Start": setup.Start, "otelusage/standalone.Start": standalone.Start,

	"localstore.DefaultPath": localstore.DefaultPath, "localstore.Existing": localstore.Existing, "localstore.Lazily": localstore.Lazily, "localstore/series.ExponentialValue": series.ExponentialValue,
	"localstore/series.Float64Value": series.Float64Value, "localstore/series.HistogramValue": series.HistogramValue, "localstore.ImportFrom": localstore.ImportFrom,
	"localstore/series.Int64Value": series.Int64Value, "localstore.Open": localstore.Open, "localstore.OpenContext": localstore.OpenContext, "localstore.ReadOnly": localstore.ReadOnly,
	"localstore.WithBusyTimeout": localstore.WithBusyTimeout, "localstore.WithClock": localstore.WithClock, "localstore.WithErrorHandler": localstore.WithErrorHandler,
	"localstore.WithInstallationID": localstore.WithInstallationID, "localstore.WithMaxRows": localstore.WithMaxRows, "localstore.WithMaxSeries": localstore.WithMaxSeries,
	"localstore.WithRandom": localstore.WithRandom,
	"localstore.Decide":     localstore.Decide, "localstore.Decided": localstore.Decided,
	"localstore/view.WithCircumstances": view.WithCircumstances, "exporter.SubtractEnvironment": exporter.SubtractEnvironment,
	"localstore/series.EncodeAttributes": series.EncodeAttributes, "localstore/series.DecodeAttributes": series.DecodeAttributes,
	"localstore/series.EncodeBounds": series.EncodeBounds, "localstore/series.DecodeBounds": series.DecodeBounds,
	"localstore/inspect.Run": run, "localstore/recording.New": recording.New, "localstore/recording.ValueOf": recording.ValueOf, "localstore/outbox.New": outbox.New, "localstore/snapshot.New": snapshot.New,
	"localstore/health.Examine": health.Examine, "localstore/health.Balances": health.Balances,
	"localstore/view.New": view.New, "localstore/view.Serve": view.Serve, "localstore/view.WithAuthorization": view.WithAuthorization,
	"localstore/view.WithControls": view.WithControls, "localstore/view.WithErrorHandler": view.WithErrorHandler, "localstore/view.WithFrameAncestors": view.WithFrameAncestors,
	"localstore/view.WithHosts": view.WithHosts, "localstore/view.WithRecordInterval": view.WithRecordInterval, "localstore/view.WithTitle": view.WithTitle, "localstore/view.WithPlan": view.WithPlan,

	"exporter.DefaultResourceKeys": exporter.DefaultResourceKeys, "exporter.Disabled": exporter.Disabled, "exporter.RecordingVeto": exporter.RecordingVeto, "exporter.New": exporter.New, "exporter.NewReader": exporter.NewReader,
	"exporter.ReaderFactory": exporter.ReaderFactory, "exporter.RequireConsent": exporter.RequireConsent, "exporter.ResourceMetrics": exporter.ResourceMetrics,
	"exporter.WithAttributeKeys": exporter.WithAttributeKeys, "exporter.WithCheckInterval": exporter.WithCheckInterval, "exporter.WithErrorHandler": exporter.WithErrorHandler,
	"exporter.WithForwarder": exporter.WithForwarder, "exporter.WithRecordInterval": exporter.WithRecordInterval, "exporter.WithRequestTimeout": exporter.WithRequestTimeout,
	"exporter.WithJournal": exporter.WithJournal, "exporter.WithResource": exporter.WithResource, "exporter.WithScopes": exporter.WithScopes, "exporter.WithShutdownGrace": exporter.WithShutdownGrace,
	"exporter.Check": exporter.Check, "exporter.Unlinkable": exporter.Unlinkable, "exporter.WithRotation": exporter.WithRotation,
	"exporter.WithSubmitInterval": exporter.WithSubmitInterval, "exporter.WithSubmitWait": exporter.WithSubmitWait,
	"exporter/otlp.Encode": otlp.Encode, "exporter/otlp.EncodeJSON": otlp.EncodeJSON, "exporter/otlp.New": otlp.New,
	"exporter/otlp.WithCompression": otlp.WithCompression, "exporter/otlp.WithEndpointURL": otlp.WithEndpointURL, "exporter/otlp.WithHeaders": otlp.WithHeaders,
	"exporter/otlp.WithProxy": otlp.WithProxy, "exporter/otlp.WithTLSConfig": otlp.WithTLSConfig, "exporter/otlp.WithTimeout": otlp.WithTimeout,
	"exporter/otlp.WithLenientAnswers": otlp.WithLenientAnswers,
	"exporter/otlp/light.Encode":       light.Encode, "exporter/otlp/light.New": light.New,
	"exporter/otlp/light.WithCompression": light.WithCompression, "exporter/otlp/light.WithEndpointURL": light.WithEndpointURL, "exporter/otlp/light.WithHeaders": light.WithHeaders,
	"exporter/otlp/light.WithProxy": light.WithProxy, "exporter/otlp/light.WithTLSConfig": light.WithTLSConfig, "exporter/otlp/light.WithTimeout": light.WithTimeout,
	"exporter/otlp/light.WithLenientAnswers": light.WithLenientAnswers,
	"exporter/hq.Encode":                     hq.Encode, "exporter/hq.New": hq.New,
}

// run is inspect.Run that prints nothing.
func run(t *testing.T) int {
	return inspect.Run(t.Context(), nil, inspect.Options{Stdout: io.Discard, Stderr: io.Discard})
}

// TestEveryFunctionOfNothing calls each with nil and zero arguments.
func TestEveryFunctionOfNothing(t *testing.T) {
	tried := make(map[string]bool)
	for name, f := range functions {
		tried[name] = true
		t.Run(name, func(t *testing.T) {
			v := reflect.ValueOf(f)
			call(t, name, v, zeroArguments(t, v.Type(), 0))
		})
	}
	sameNames(t, "function", parseModule(t).functions, tried)
}

// aFile returns a file, below which nobody can make anything.
func aFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(path, nil, 0o600))
	return path
}

func failed(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s did not fail", what)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
