package standalone

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"

	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
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
	u, err := Start(t.Context(), Config{Tracker: new(otelusage.Tracker), FilePath: path, ApplicationName: "game", Forwarder: forwardTo(t, "http://127.0.0.1:1")})
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

// TestEraseCountsOnAtOnce: also where nothing was counted between the last
// recording and Erase.
func TestEraseCountsOnAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	u := start(t, Config{FilePath: path, ApplicationName: "game"})
	n, err := u.Tracker().Statistic("n")
	must(t, err)
	n.Add(5)
	must(t, u.Flush(t.Context()))
	must(t, u.Erase(t.Context()))
	n.Add(2)
	must(t, u.Close())
	if got := lifetime(t, path, "n"); got != 2 {
		t.Errorf("the mirror holds %d, want the 2 counted since", got)
	}
}

// TestEraseThatFailsForgetsNothing: what was counted and not recorded yet is
// recorded by the next.
func TestEraseThatFailsForgetsNothing(t *testing.T) {
	u := start(t, Config{FilePath: filepath.Join(t.TempDir(), "usage.db"), ApplicationName: "game"})
	n, err := u.Tracker().Statistic("n")
	must(t, err)
	n.Add(5)
	must(t, u.Store().Close())
	if err := u.Erase(t.Context()); err == nil {
		t.Error("no error of a closed mirror")
	}
	if n.Value() != 5 {
		t.Errorf("%d are left, want the 5 counted", n.Value())
	}
	_ = u.Close()
}

// TestEraseGivesASilentDestinationUp: with the caller's context here, which
// ends while the request waits; the mirror is erased all the same.
func TestEraseGivesASilentDestinationUp(t *testing.T) {
	r, path := newReceiver(t), filepath.Join(t.TempDir(), "usage.db")
	var blocked atomic.Bool
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	next := r.Config.Handler
	r.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !blocked.Load() {
			next.ServeHTTP(w, req)
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		cancel()
		<-req.Context().Done()
	})
	u := start(t, Config{FilePath: path, ApplicationName: "game", Forwarder: forwardTo(t, r.URL)})
	_, err := u.Tracker().State("mode", "dark")
	must(t, err)
	n, err := u.Tracker().Statistic("n")
	must(t, err)
	n.Add(5)
	must(t, u.Submit(t.Context()))
	blocked.Store(true)
	id := u.Store().InstallationID()
	must(t, u.Erase(ctx))
	if ctx.Err() == nil {
		t.Error("nothing was taken back: the test shows nothing")
	}
	if u.Store().InstallationID() == id {
		t.Error("the installation kept its id")
	}
	must(t, u.Close())
	if got := lifetime(t, path, "n"); got != 0 {
		t.Errorf("the mirror holds %d, want nothing", got)
	}
}

// TestEraseWithoutConsentSendsNothing, not even to take back.
func TestEraseWithoutConsentSendsNothing(t *testing.T) {
	r := newReceiver(t)
	u := start(t, Config{FilePath: filepath.Join(t.TempDir(), "usage.db"), ApplicationName: "game", Forwarder: forwardTo(t, r.URL)})
	_, err := u.Tracker().State("mode", "dark")
	must(t, err)
	must(t, u.Submit(t.Context()))
	must(t, u.Disable(t.Context()))
	sent := len(r.got())
	must(t, u.Erase(t.Context()))
	must(t, u.Close())
	if got := len(r.got()); sent != 1 || got != sent {
		t.Errorf("%d requests before Erase, %d after, want 1 and no more", sent, got)
	}
}
