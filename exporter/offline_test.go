package exporter

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/faulty"
	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// Ninety days without a network, a thousand series that change all the time:
// the mirror stays bounded, and one submission brings all of it.
func TestMonthsOffline(t *testing.T) {
	if testing.Short() {
		t.Skip("records thousands of times")
	}
	const days, perDay, series, rows = 90, 2, 1000, 50
	o := startOutbox(t)
	o.setup.store = append(o.setup.store, localstore.WithMaxRows(rows))
	o.restart(t, o.receiver.URL)
	o.receiver.Behave(func() faulty.Fault { return faulty.Hangup })
	n := o.statistic("n")
	size := func() int64 {
		info, err := os.Stat(o.setup.path)
		must(t, err)
		return info.Size()
	}
	var atThirty int64
	for day := range days {
		for range perDay {
			for i := range series {
				n.With(attribute.String("i", fmt.Sprint(i))).Add(int64(i))
			}
			must(t, o.export())
			o.setup.clock.advance(24 * time.Hour / perDay)
			_ = o.exporter.sender.submit(t.Context(), false) // hung up on, once it is due
		}
		if day == 29 {
			must(t, o.exporter.ForceFlush(t.Context()))
			atThirty = size()
		}
	}
	must(t, o.exporter.ForceFlush(t.Context()))
	t.Logf("%d series, %d days: %.1f MB after 30 days, %.1f MB after %d", series, days, float64(atThirty)/1e6, float64(size())/1e6, days)
	// What grows by the day is a total per series; the rest is full by now.
	if perSeries := (size() - atThirty) / (days - 30) / series; perSeries > 64 {
		t.Errorf("the mirror grows by %d bytes per series and day", perSeries)
	}
	o.balanced()
	o.receiver.Behave(answers())
	before := len(o.receiver.Bodies())
	o.submit()
	kept := o.receiver.Whole()
	for i := range series {
		if name, want := fmt.Sprintf("n{i=%d}", i), int64(i*days*perDay); kept[name] != want {
			t.Fatalf("%s: the receiver kept %d, want %d", name, kept[name], want)
		}
	}
	t.Logf("%d requests brought all of it", len(o.receiver.Bodies())-before)
	o.end()
}
