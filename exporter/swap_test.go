package exporter

import (
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/exporter/hq"
	"github.com/anonymoususage/anonymoususage-go/exporter/internal/faulty"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
)

// TestOTLPThenHQThenOTLP: weeks with the one destination and with the other, on
// one mirror. The last day of each goes wrong, so that something is always under
// way when the destination is swapped.
func TestOTLPThenHQThenOTLP(t *testing.T) {
	collector, server := faulty.Start(), startHeadquarters(t)
	t.Cleanup(collector.Close)
	o := &sending{setup: outboxSetup(t), receiver: collector}
	const days = 7
	for week, destination := range []string{"OTLP", "HQ", "OTLP", "HQ"} {
		if destination == "OTLP" {
			f, err := otlp.New(t.Context(), otlp.WithEndpointURL(collector.URL))
			must(t, err)
			o.restartWith(t, f)
		} else {
			o.restartWith(t, server.forwarder(t, hq.Config{}))
		}
		play, err := o.tracker.Timer("play")
		must(t, err)
		for day := range days {
			o.statistic("n").Add(5)
			play.Record(t.Context(), time.Minute)
			o.record()
			o.setup.clock.advance(24 * time.Hour)
			bad := day == days-1 && week < 2
			collector.Behave(func() faulty.Fault {
				if bad {
					return faulty.Lost // it was taken in
				}
				return faulty.Well
			})
			server.behave(func() hqAnswer {
				if bad {
					return hqText("Upload failed")
				}
				return hqWell
			})
			if err := o.exporter.Submit(t.Context()); (err != nil) != bad {
				t.Errorf("week %d, day %d: %v", week, day, err)
			}
			o.balanced()
		}
		switch week {
		case 0: // all is there, and the mirror does not know of the last day
			o.collected(t, 7*5, 7)
		case 1:
			o.collected(t, 7*5, 7)
			server.holds(t, map[string]any{"n": 13 * 5.0, "play": 13 * 60.0, "__submissions__": 6.0})
		case 2: // what waited came, what had come did not come twice
			o.collected(t, 21*5, 21)
			if held := o.held(t, "n"); held != 0 {
				t.Errorf("%d are held", held)
			}
		case 3:
			o.collected(t, 21*5, 21)
			server.holds(t, map[string]any{"n": 28 * 5.0, "play": 28 * 60.0, "__submissions__": 13.0})
		}
	}
	o.end()
}

// collected checks what the Collector has come to.
func (o *sending) collected(t *testing.T, n int64, runs uint64) {
	t.Helper()
	if got := o.receiver.Whole()["n"]; got != n {
		t.Errorf("the Collector holds n = %d, want %d", got, n)
	}
	if got := o.receiver.Counts()["play"]; got != runs {
		t.Errorf("the Collector holds %d runs of play, want %d", got, runs)
	}
}
