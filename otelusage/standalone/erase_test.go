package standalone

import (
	"path/filepath"
	"testing"

	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
)

func TestEraseTakesBackWhatItCanAndBeginsAnew(t *testing.T) {
	r, path := newReceiver(t), filepath.Join(t.TempDir(), "usage.db")
	u := start(t, Config{FilePath: path, ApplicationName: "game", Forwarder: forwardTo(t, r.URL)})
	n, err := u.Tracker().Statistic("n")
	must(t, err)
	mode, err := u.Tracker().State("mode", "dark")
	must(t, err)
	n.Add(5)
	must(t, u.Submit(t.Context()))
	n.Add(7) // counted, and not recorded when everything is erased
	id := u.Store().InstallationID()
	must(t, u.Erase(t.Context()))
	if u.Store().InstallationID() == id {
		t.Error("the installation kept its id")
	}
	if n.Value() != 0 || n.SinceStart() != 0 {
		t.Errorf("the tracker remembers %d", n.Value())
	}
	n.Add(2)
	mode.Set("light")
	must(t, u.Submit(t.Context()))
	must(t, u.Close())
	if got := lifetime(t, path, "n"); got != 2 {
		t.Errorf("the mirror holds %d, want the 2 counted since", got)
	}
	sums := make(map[string]map[string]int64)
	r.each(func(resource, _ map[string]string, m *metrics.Metric) {
		who := "new"
		if resource["app.installation.id"] == id {
			who = "old"
		}
		if sums[who] == nil {
			sums[who] = make(map[string]int64)
		}
		for _, p := range m.GetSum().GetDataPoints() {
			sums[who][m.Name+texts(p.Attributes)["state"]] += p.GetAsInt()
		}
	})
	for key, want := range map[string]int64{"n": 5, "mode.occupancydark": 0} {
		if got := sums["old"][key]; got != want {
			t.Errorf("under the old id %s is %d, want %d", key, got, want)
		}
	}
	for key, want := range map[string]int64{"n": 2, "mode.occupancylight": 1, "mode.occupancydark": 0} {
		if got := sums["new"][key]; got != want {
			t.Errorf("under the new id %s is %d, want %d", key, got, want)
		}
	}
}

func TestEraseWithoutANetwork(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	u, err := Start(t.Context(), Config{FilePath: path, ApplicationName: "game", Forwarder: forwardTo(t, "http://127.0.0.1:1")})
	must(t, err)
	n, err := u.Tracker().Statistic("n")
	must(t, err)
	n.Add(5)
	must(t, u.Flush(t.Context()))
	must(t, u.Erase(t.Context()))
	must(t, u.Close())
	if got := lifetime(t, path, "n"); got != 0 {
		t.Errorf("the mirror holds %d, want nothing", got)
	}
}

// Also where everything was recorded and sent when it is erased.
func TestEraseOfWhatWasSentBeginsAnewAtOnce(t *testing.T) {
	r, path := newReceiver(t), filepath.Join(t.TempDir(), "usage.db")
	u := start(t, Config{FilePath: path, ApplicationName: "game", Forwarder: forwardTo(t, r.URL)})
	n, err := u.Tracker().Statistic("n")
	must(t, err)
	n.Add(5)
	must(t, u.Submit(t.Context()))
	must(t, u.Erase(t.Context()))
	before := len(r.got())
	n.Add(2)
	must(t, u.Submit(t.Context()))
	must(t, u.Close())
	if got := lifetime(t, path, "n"); got != 2 {
		t.Errorf("the mirror holds %d, want the 2 counted since", got)
	}
	if sent := len(r.got()) - before; sent != 1 {
		t.Errorf("%d requests after erasing, want 1", sent)
	}
}
