package exporter

import (
	"context"
	"fmt"
	"math/bits"
	"path/filepath"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// decision is what another process does to the mirror.
type decision string

const (
	enables  decision = "enable"
	disables decision = "disable"
	turnsOff decision = "off"
	erases   decision = "erase"
)

var decisions = []decision{enables, disables, turnsOff, erases}

// process is one that counts, collects, records and submits. Every count is a
// power of two of its own, so that a sum tells which counts are in it.
type process struct {
	*run
	name    string
	n       *otelusage.Statistic
	counted []count
	erased  int   // how many counts were made before the last erasure
	sent    int64 // sum of what the destination got

	collected metricdata.ResourceMetrics
	step      int // what it does next, where it goes on by itself
}

type count struct {
	moment int
	mode   localstore.Mode
}

// processes are one whose every step is a moment, one beside it that goes one
// step on with each of them, and a third that decides at chosen moments. Counts
// are made right before and after such a moment.
type processes struct {
	tb             testing.TB
	walked, beside *process
	other          *localstore.Store
	ahead          bool // whether readers observe before they collect, as Reader does and the SDK's cannot
	mode           localstore.Mode
	at             map[int]decision // by moment
	moment         int
	over           bool            // no further moment comes
	former         map[string]bool // erased installation ids
	leaked         []string
}

func (p *processes) all() []*process { return []*process{p.walked, p.beside} }

// destination is where a decision can fall before a request is processed, and
// before its answer arrives.
type destination struct {
	*processes
	moments bool // whether there are
}

func (d destination) Temporality(sdkmetric.InstrumentKind) metricdata.Temporality {
	return metricdata.DeltaTemporality
}

func (d destination) Aggregation(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(kind)
}

func (d destination) Export(_ context.Context, rm *metricdata.ResourceMetrics) error {
	sums := received([]*metricdata.ResourceMetrics{rm})
	id, _ := rm.Resource.Set().Value("app.installation.id")
	for _, p := range d.all() {
		sum := int64(sums["1.0.0 "+p.name])
		if early := sum & (1<<p.erased - 1); early != 0 {
			d.leaked = append(d.leaked, fmt.Sprintf("%s %b was counted before an erasure and sent after it", p.name, early))
		}
		if p.sent&sum != 0 {
			d.leaked = append(d.leaked, fmt.Sprintf("%s %b was sent twice", p.name, p.sent&sum))
		}
		if sum != 0 && (d.former[id.AsString()] || id.AsString() == "") {
			d.leaked = append(d.leaked, fmt.Sprintf("%s %b was sent under the erased id %q", p.name, sum, id.AsString()))
		}
		p.sent |= sum
	}
	if d.moments && !d.over {
		d.pass()
	}
	return nil
}

func (d destination) ForceFlush(context.Context) error { return nil }
func (d destination) Shutdown(context.Context) error   { return nil }

// count adds the next power of two.
func (p *processes) count(by *process) {
	by.n.Add(1 << len(by.counted))
	by.counted = append(by.counted, count{p.moment, p.mode})
}

// pass is a moment at which another process may decide. The one beside goes on
// by a step then.
func (p *processes) pass() {
	p.count(p.walked)
	d, decides := p.at[p.moment]
	if decides {
		p.decide(d)
		p.count(p.walked)
	}
	p.goOn(p.beside)
	p.moment++
}

func (p *processes) decide(d decision) {
	ctx := context.Background()
	switch d {
	case enables:
		must(p.tb, p.other.Enable(ctx))
		p.mode = localstore.ModeOn
	case disables:
		must(p.tb, p.other.Disable(ctx))
		p.mode = localstore.ModeLocal
	case turnsOff:
		must(p.tb, p.other.SetMode(ctx, localstore.ModeOff))
		p.mode = localstore.ModeOff
	case erases:
		id := p.other.InstallationID()
		must(p.tb, p.other.Erase(ctx))
		p.former[id] = true
		for _, x := range p.all() {
			x.erased = len(x.counted)
		}
	}
}

// goOn makes one step of a cycle.
func (p *processes) goOn(x *process) {
	ctx := context.Background()
	switch x.step {
	case 0:
		p.count(x)
		if p.ahead {
			x.exporter.notice(ctx)
		}
	case 1:
		must(p.tb, x.reader.Collect(ctx, &x.collected))
	case 2:
		must(p.tb, x.exporter.Export(ctx, &x.collected))
	case 3:
		_ = x.exporter.Submit(ctx) // refused where nothing may be sent, or the other one is sending
	}
	x.step = (x.step + 1) % 4
}

// cycle collects and records, with a moment before each step.
func (p *processes) cycle() {
	x := p.walked
	if p.ahead {
		p.pass()
		x.exporter.notice(context.Background())
	}
	p.pass()
	must(p.tb, x.reader.Collect(context.Background(), &x.collected))
	p.pass()
	must(p.tb, x.exporter.Export(context.Background(), &x.collected))
}

// walk runs cycles and submissions with decisions at given moments, and returns
// how many moments there were.
func walk(t *testing.T, ahead bool, mode localstore.Mode, at map[int]decision) int {
	p := &processes{tb: t, ahead: ahead, mode: mode, at: at, former: make(map[string]bool)}
	path := filepath.Join(t.TempDir(), "usage.db")
	p.walked = startProcess(t, "n", path, destination{p, true})
	p.beside = startProcess(t, "m", path, destination{p, false})
	var err error
	p.other, err = localstore.Open(path)
	must(t, err)
	must(t, p.other.SetMode(t.Context(), mode))
	for range 3 { // what was decided before is known
		for _, x := range p.all() {
			must(t, x.export())
		}
	}
	for range 2 {
		p.cycle()
		p.cycle()
		p.pass()
		_ = p.walked.exporter.Submit(t.Context()) // refused where nothing may be sent
	}
	moments := p.moment
	p.over = true
	for p.beside.step != 0 {
		p.goOn(p.beside)
	}
	for range 3 {
		for _, x := range p.all() {
			p.count(x)
			must(t, x.export())
		}
	}
	_ = p.walked.exporter.Submit(t.Context())
	for _, leak := range p.leaked {
		t.Errorf("decisions %v: %s", at, leak)
	}
	for _, x := range p.all() {
		p.check(x)
		x.balanced()
		must(t, x.exporter.Shutdown(t.Context()))
		must(t, x.provider.Shutdown(t.Context()))
		must(t, x.store.Close())
	}
	must(t, p.other.Close())
	return moments
}

func startProcess(t *testing.T, name, path string, to destination) *process {
	x := &process{name: name, run: setup{path: path, opts: []Option{WithForwarder(to)}}.start(t)}
	x.n = x.statistic(name)
	return x
}

// check holds what was sent and recorded to what was decided when it was
// counted. The last count, made well after the last decision, is not to be
// missing. What was counted while recording was off may be recorded, and never
// sent, where the process did not notice.
func (p *processes) check(x *process) {
	fail := func(format string, args ...any) {
		p.tb.Errorf("decisions %v, %s: %s", p.at, x.name, fmt.Sprintf(format, args...))
	}
	var recorded int64
	balances, err := x.store.Balance(context.Background())
	must(p.tb, err)
	for _, b := range balances {
		if b.Name == x.name {
			recorded += b.Recorded.Int64()
		}
	}
	for rest := uint64(x.sent); rest != 0; rest &= rest - 1 {
		if c := x.counted[bits.TrailingZeros64(rest)]; c.mode != localstore.ModeOn {
			fail("a count of moment %d, while the mode was %v, was sent", c.moment, c.mode)
		}
	}
	last := len(x.counted) - 1
	for i, c := range x.counted {
		switch has := recorded>>i&1 == 1; {
		case has && i < x.erased:
			fail("a count of moment %d, before the erasure, is recorded", c.moment)
		case has && c.mode == localstore.ModeOff && p.mode == localstore.ModeOff:
			fail("a count of moment %d, while recording was off, is recorded", c.moment)
		case !has && len(p.at) == 0 && c.mode != localstore.ModeOff:
			fail("a count of moment %d is not recorded", c.moment)
		case !has && i == last && p.mode != localstore.ModeOff:
			fail("what was counted last is not recorded")
		}
		if wanted := len(p.at) == 0 || i == last; wanted && p.mode == localstore.ModeOn && x.sent>>i&1 == 0 {
			fail("a count of moment %d, with consent throughout, was not sent", c.moment)
		}
	}
	if last > 52 { // what is received is summed up as a float
		p.tb.Fatalf("%d counts do not fit into one number", last+1)
	}
}

// TestDecisionsBetweenAnySteps walks every moment at which another process can
// decide between two steps of collecting, recording and submitting, and every
// two decisions that follow each other closely (not with -short).
func TestDecisionsBetweenAnySteps(t *testing.T) {
	close := 3 // moments between two decisions, at most
	if testing.Short() {
		close = 0
	}
	for _, ahead := range []bool{false, true} {
		for _, mode := range []localstore.Mode{localstore.ModeOn, localstore.ModeLocal} {
			t.Run(fmt.Sprintf("ahead %v, mode %v", ahead, mode), func(t *testing.T) {
				if testing.Short() && ahead {
					t.Skip("walks hundreds of times")
				}
				t.Parallel()
				moments := walk(t, ahead, mode, nil)
				for first := range moments {
					for _, d := range decisions {
						walk(t, ahead, mode, map[int]decision{first: d})
						for second := first + 1; second < min(moments, first+1+close); second++ {
							for _, e := range decisions {
								if e != d {
									walk(t, ahead, mode, map[int]decision{first: d, second: e})
								}
							}
						}
					}
				}
			})
		}
	}
}
