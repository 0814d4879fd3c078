package exporter

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// userEnvironment is what a user's shell may say about another program. Each
// value is found nowhere else.
func userEnvironment(t *testing.T) {
	t.Setenv("OTEL_SERVICE_NAME", "alices-service")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=alices-other, service.namespace = alices%20team ,"+
		"deployment.environment.name=alices-laptop,service.version=alices-version,os.name=alices-os,"+
		"telemetry.owner=alice,telemetry.sdk.name=alices-sdk,telemetry.distro.name=alices%zzdistro")
}

// A provider's resource takes in the environment of whoever runs the program.
func TestTheUsersEnvironmentIsNotRecordedOnASharedProvider(t *testing.T) {
	userEnvironment(t)
	explicit := resource.NewSchemaless(attribute.String("service.name", "game"), attribute.String("service.version", "2.0.0"))
	merged, err := resource.Merge(resource.Environment(), explicit)
	must(t, err)
	named := resource.NewSchemaless(attribute.String("service.name", "game"), attribute.String("service.namespace", "alices team"))
	tests := map[string]struct {
		opts []Option
		sdk  []sdkmetric.Option
		want map[string]string
	}{
		"the environment alone":   {sdk: []sdkmetric.Option{sdkmetric.WithResource(resource.Empty())}},
		"the developer's beside":  {sdk: []sdkmetric.Option{sdkmetric.WithResource(explicit)}, want: map[string]string{"service.name": "game", "service.version": "2.0.0"}},
		"merged by the developer": {sdk: []sdkmetric.Option{sdkmetric.WithResource(merged)}, want: map[string]string{"service.name": "game", "service.version": "2.0.0"}},
		"named with WithResource": {opts: []Option{WithResource(named)}, want: map[string]string{"service.name": "game", "service.namespace": "alices team"}},
		"subtracted by hand":      {opts: []Option{WithResource(SubtractEnvironment(merged))}, want: map[string]string{"service.name": "game", "service.version": "2.0.0"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			forwarder, path := delta(), filepath.Join(t.TempDir(), "usage.db")
			r := setup{path: path, opts: append(test.opts, WithForwarder(forwarder)), sdk: test.sdk}.start(t)
			r.statistic("n").Inc()
			r.record()
			r.submit()
			r.end()
			if len(forwarder.requests()) == 0 {
				t.Fatal("nothing was sent")
			}
			for _, rm := range forwarder.requests() {
				got := make(map[string]string)
				for _, kv := range rm.Resource.Attributes() {
					if kv.Key != "app.installation.id" && kv.Key != "service.instance.id" {
						got[string(kv.Key)] = kv.Value.String()
					}
				}
				if !maps.Equal(got, test.want) {
					t.Errorf("sent under %v, want %v", got, test.want)
				}
			}
			content, err := os.ReadFile(path)
			must(t, err)
			named := fmt.Sprint(test.want)
			for _, text := range []string{"alices-", "alice,", "alices team", "telemetry.owner"} {
				if !strings.Contains(named, text) && strings.Contains(string(content), text) {
					t.Errorf("the mirror holds %q", text)
				}
			}
		})
	}
}

func TestOnlyTheExactKeysOfTheConventionsPass(t *testing.T) {
	for _, key := range []string{"telemetry.owner", "telemetry.sdk.owner", "telemetry.distro", "telemetry.", "service.instance.id", "Service.Name"} {
		if allowedResourceKey(attribute.String(key, "x")) {
			t.Errorf("%q passes", key)
		}
	}
	for _, key := range DefaultResourceKeys() {
		if !allowedResourceKey(key.String("x")) {
			t.Errorf("%q does not pass", key)
		}
	}
	for _, key := range []attribute.Key{"telemetry.sdk.name", "telemetry.sdk.language", "telemetry.sdk.version", "telemetry.distro.name", "telemetry.distro.version"} {
		if !slices.Contains(DefaultResourceKeys(), key) {
			t.Errorf("%q is not named", key)
		}
	}
}

// The SDK caps what an instrument reports by a variable of the user's.
func TestTheUsersCardinalityLimitChangesNoCount(t *testing.T) {
	t.Setenv("OTEL_GO_X_CARDINALITY_LIMIT", "2")
	readers := map[string]func(e *Exporter) sdkmetric.Reader{
		"a Reader": func(e *Exporter) sdkmetric.Reader { return NewReader(e) },
		"a periodic reader with CardinalityLimit": func(e *Exporter) sdkmetric.Reader {
			return sdkmetric.NewPeriodicReader(e, sdkmetric.WithCardinalityLimitSelector(e.CardinalityLimit))
		},
	}
	for name, reader := range readers {
		t.Run(name, func(t *testing.T) {
			store, err := localstore.Open(filepath.Join(t.TempDir(), "usage.db"))
			must(t, err)
			exp, err := New(store)
			must(t, err)
			provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader(exp)))
			tracker, err := otelusage.New(otelusage.WithMeterProvider(provider), otelusage.WithLedger(store))
			must(t, err)
			clicks, err := tracker.Statistic("clicks")
			must(t, err)
			play, err := tracker.Timer("play")
			must(t, err)
			units, err := tracker.State("units", "a")
			must(t, err)
			trip, err := tracker.Sequence("trip", []string{"a", "b", "c", "d"})
			must(t, err)
			for _, v := range []string{"a", "b", "c", "d"} {
				clicks.With(attribute.String("by", v)).Inc()
				play.With(attribute.String("by", v)).Record(t.Context(), time.Second)
				units.Set(v)
				trip.Hit(v)
			}
			must(t, provider.Shutdown(t.Context()))
			found, err := store.Snapshot(t.Context(), snapshot.Query{})
			must(t, err)
			must(t, store.Close())
			attributes := make(map[string]bool)
			for _, trackable := range found.Trackables {
				for _, s := range trackable.Series {
					attributes[s.Metric.Name+s.Attributes] = true
				}
			}
			for _, want := range []string{
				`clicks{"by":"a"}`, `clicks{"by":"d"}`, `play{"by":"d"}`, `trip.checkpoints{"checkpoint":"d"}`, `units.changes{"state":"d"}`,
			} {
				if !attributes[want] {
					t.Errorf("%s is not there: %v", want, attributes)
				}
			}
		})
	}
}
