package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/fleet"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/otelcol"
)

// installations is how many are simulated; the command in the README simulates
// 100,000.
const installations = 5000

// simulate runs a fleet against production.yaml.
func simulate(t *testing.T, c fleet.Config) (*otelcol.Process, *fleet.Result) {
	t.Helper()
	p := start(t, addresses(t), []string{"../production.yaml"})
	c.Installations, c.Seed, c.Until = installations, 5, time.Now()
	r, err := fleet.Run(t.Context(), p.URL(), c)
	must(t, err)
	t.Logf("%d requests and %d resends in %v", r.Requests, r.Resent, r.Took)
	return p, r
}

func shows(t *testing.T, p *otelcol.Process, want fleet.Totals) {
	t.Helper()
	eventually(t, func() error {
		text, err := p.Scrape(t.Context())
		if err != nil {
			return err
		}
		got, err := fleet.Shown(text)
		if err == nil {
			err = fleet.Compare(got, want)
		}
		return err
	})
}

func archives(t *testing.T, archive string, want fleet.Totals) {
	t.Helper()
	rows, err := otelcol.Ask(t.Context(), "..", archive, "totals.sql")
	must(t, err)
	got, err := fleet.Archived(rows)
	must(t, err)
	must(t, fleet.Compare(got, want.WithoutBuckets()))
}

func TestProductionIsExact(t *testing.T) {
	p, r := simulate(t, fleet.Config{Hostile: 0.05})
	shows(t, p, r.Sent.Plotted(time.Now()))
	archives(t, p.Archive, r.Sent)
	if r.Hostile < 100 {
		t.Errorf("%d hostile requests were sent", r.Hostile)
	}
	anonymous(t, p, r)
}

// A tenth of the batches comes twice. The archive does not mind; what
// Prometheus has too much is what came again.
func TestProductionWithResends(t *testing.T) {
	p, r := simulate(t, fleet.Config{Resend: 0.1})
	if r.Resent < r.Requests/20 {
		t.Errorf("%d of %d requests were sent again", r.Resent, r.Requests)
	}
	want := make(fleet.Totals)
	want.Merge(r.Sent)
	want.Merge(r.Excess)
	shows(t, p, want.Plotted(time.Now()))
	archives(t, p.Archive, r.Sent)
}

// uuids are what ids look like.
var uuids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// anonymous checks that nobody can be found in Prometheus, and nothing that is
// more than an id in the archive.
func anonymous(t *testing.T, p *otelcol.Process, r *fleet.Result) {
	t.Helper()
	text, err := p.Scrape(t.Context())
	must(t, err)
	for _, found := range uuids.FindAll(text, 1) {
		t.Errorf("Prometheus is shown an id: %s", found)
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(p.Archive), "*"))
	must(t, err)
	var archive []byte
	for _, file := range files {
		content, err := os.ReadFile(file)
		must(t, err)
		archive = append(archive, content...)
	}
	if !uuids.Match(archive) {
		t.Error("the archive has no ids")
	}
	for _, secret := range r.Secrets {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("Prometheus is shown %q", secret)
		}
		if bytes.Contains(archive, []byte(secret)) {
			t.Errorf("the archive holds %q", secret)
		}
	}
}
