package standalone

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/exporter/hq"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// TestUnlinkableSendsAnIDPerSubmission and none of the installation, over runs.
func TestUnlinkableSendsAnIDPerSubmission(t *testing.T) {
	r, path := newReceiver(t), filepath.Join(t.TempDir(), "usage.db")
	for range 3 {
		u := start(t, Config{FilePath: path, ApplicationName: "game", ApplicationVersion: "1.0.0", Unlinkable: true, Forwarder: forwardTo(t, r.URL)})
		n, err := u.Tracker().Statistic("n")
		must(t, err)
		n.Inc()
		must(t, u.Submit(t.Context()))
		must(t, u.Close())
	}
	batches, sum := make(map[string]bool), int64(0)
	r.each(func(resource, _ map[string]string, m *metrics.Metric) {
		if id, ok := resource["app.installation.id"]; ok {
			t.Errorf("sent under %s", id)
		}
		for _, p := range m.GetSum().GetDataPoints() {
			if whole := uint64(time.Hour); p.StartTimeUnixNano%whole != 0 || p.TimeUnixNano != p.StartTimeUnixNano+whole {
				t.Errorf("%s covers %d to %d", m.Name, p.StartTimeUnixNano, p.TimeUnixNano)
			}
			if m.Name == "n" {
				sum += p.GetAsInt()
				batches[resource["service.instance.id"]] = true
			}
		}
	})
	if len(batches) != 3 || sum != 3 {
		t.Errorf("counted %d in the batches %v, want 3 in 3", sum, batches)
	}
}

// TestHQNeedsAnID: the start says so, usage is recorded on this machine only, and the
// forwarder is ended.
func TestHQNeedsAnID(t *testing.T) {
	for name, c := range map[string]Config{"unlinkable": {Unlinkable: true}, "rotation": {InstallationRotation: time.Hour}} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t)
			f, err := hq.New(hq.Config{Host: r.URL, APIKey: "k"})
			must(t, err)
			c.FilePath, c.ApplicationName, c.Tracker, c.Forwarder = filepath.Join(t.TempDir(), "usage.db"), "game", new(otelusage.Tracker), f
			u, err := Start(t.Context(), c)
			if !errors.Is(err, exporter.ErrNeedsID) || !errors.Is(u.Err(), exporter.ErrNeedsID) {
				t.Errorf("Start = %v, want ErrNeedsID", err)
			}
			n, err := u.Tracker().Statistic("n")
			must(t, err)
			n.Add(2)
			if err := u.Submit(t.Context()); !errors.Is(err, exporter.ErrNoConsent) {
				t.Errorf("Submit = %v, want ErrNoConsent", err)
			}
			must(t, u.Close())
			if got := lifetime(t, c.FilePath, "n"); got != 2 || len(r.got()) != 0 {
				t.Errorf("recorded %d, sent %d requests", got, len(r.got()))
			}
			if err := f.ForceFlush(t.Context()); err == nil {
				t.Error("the forwarder was not shut down")
			}
		})
	}
}
