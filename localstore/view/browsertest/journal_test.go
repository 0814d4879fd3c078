package browsertest

import (
	"fmt"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journal"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// process is another one, which counts into a journal and records nothing.
type process struct {
	t    *testing.T
	kept *journal.Journal
	of   *series.Resource
}

func newProcess(t *testing.T, a *application) *process {
	t.Helper()
	mirror, err := localstore.Open(a.mirror.Path())
	must(t, err)
	t.Cleanup(func() { must(t, mirror.Close()) })
	writer, err := mirror.Writer(true)
	must(t, err)
	t.Cleanup(writer.Close)
	kept, err := writer.Keep(journal.Config{})
	must(t, err)
	return &process{t, kept, &series.Resource{Attributes: attribute.NewSet(attribute.String("service.version", "next"))}}
}

// keep returns what counts n more in a series of a Statistic, or a Timer's runs of a
// second.
func (p *process) keep(name string, kind otelusage.Kind) (add func(n int64)) {
	p.t.Helper()
	m := &series.Metric{Name: name, Type: series.TypeSum, Monotonic: true,
		Scope: &series.Scope{Name: otelusage.ScopeName, Attributes: attribute.NewSet(otelusage.KindKey.String(kind.String()))}}
	if kind == otelusage.KindTimer {
		m.Type, m.Unit, m.Float, m.Monotonic, m.Bounds = series.TypeHistogram, "s", true, false, otelusage.TimerBoundaries()
	}
	var value atomic.Int64
	var gate journal.Flag
	slot, err := p.kept.Add(journal.Kept{Series: &series.Series{Resource: p.of, Metric: m}, Gate: &gate, Read: func(v *journalfile.Value) {
		n := value.Load()
		v.Int, v.Float, v.Count = n, float64(n), uint64(n)
		if kind == otelusage.KindTimer {
			v.Buckets = make([]uint64, len(m.Bounds)+1)
			v.Buckets[4] = v.Count
		}
	}})
	must(p.t, err)
	return func(n int64) {
		value.Add(n)
		slot.Changed()
	}
}

// TestCountsAppearBeforeTheyAreRecorded: the page shows what a process counted since
// it last recorded, also of a trackable that only its journal knows.
func TestCountsAppearBeforeTheyAreRecorded(t *testing.T) {
	a := newApplication(t)
	p := newProcess(t, a)
	quests := p.keep("quests", otelusage.KindStatistic)
	fresh := p.keep("fresh", otelusage.KindStatistic)
	b := start(t, a.url)
	b.wait(shown)
	figure := func(name string) string {
		return fmt.Sprintf(`document.querySelector('article.card[aria-label="%s"] strong')?.textContent`, name)
	}
	before := evaluate[string](b, figure("quests"))
	quests(1000)
	fresh(41)
	b.wait(fmt.Sprintf(`%s !== %q && %s === "41"`, figure("quests"), before, figure("fresh")))
	fresh(1)
	b.wait(fmt.Sprintf(`%s === "42"`, figure("fresh")))
	b.wait(`document.getElementById("fresh").textContent.endsWith("shown with what was counted since")`)
	if last := evaluate[string](b, `[...document.querySelectorAll("#facts dt")].find((e) => e.textContent === "Last recorded").nextSibling.textContent`); last == "never" {
		t.Error("nothing was recorded")
	}
}
