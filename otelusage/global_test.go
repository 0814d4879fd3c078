package otelusage

import (
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
)

var globalIsSet bool

// An application may set its provider after its trackers were attached.
func TestGlobalProviderThatIsSetLater(t *testing.T) {
	if globalIsSet {
		t.Skip("the global provider can be set once in a process")
	}
	globalIsSet = true
	tracker, err := New()
	if err != nil {
		t.Fatal(err)
	}
	n := must[*Statistic](t)(tracker.Statistic("n"))
	n.Add(2)
	_, _ = tracker.State("s", "A")
	sdk := newSDK()
	otel.SetMeterProvider(sdk)
	n.With(attribute.Int("v", 1)).Inc()
	_, _ = tracker.Sequence("q", []string{"A"})
	got := sdk.points(t)
	for name, want := range map[string]string{"n": "2", "n{v=1}": "1", "s{state=A}": "1", "s.changes{state=A}": "", "q": "0"} {
		if got[name] != want {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
}
