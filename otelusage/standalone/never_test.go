package standalone

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

func TestNeverSubmitMeansNever(t *testing.T) {
	r := newReceiver(t)
	f := forwardTo(t, r.URL)
	u := start(t, Config{FilePath: filepath.Join(t.TempDir(), "usage.db"), ApplicationName: "tool", Tracker: new(otelusage.Tracker),
		SubmitInterval: NeverSubmit, ShutdownGrace: time.Second, Forwarder: f})
	n, err := u.Tracker().Statistic("n")
	must(t, err)
	n.Inc()
	if err := u.Submit(t.Context()); err == nil {
		t.Error("Submit sent")
	}
	c, err := u.Consent(t.Context())
	must(t, err)
	if c.Sending {
		t.Errorf("Consent = %+v", c)
	}
	must(t, u.Close())
	if len(r.got()) != 0 {
		t.Error("something was sent")
	}
	if err := f.ForceFlush(t.Context()); err == nil {
		t.Error("the forwarder was not shut down")
	}
}
