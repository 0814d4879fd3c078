package exporter

import (
	"context"
	"fmt"
	"math/bits"
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

// twoProcesses is one process that counts, collects, records and submits, and
// another one that decides at chosen moments. Every count is a power of two of
// its own, made right before or after such a moment, so that a sum tells which
// counts are in it.
type twoProcesses struct {
	*run
	other   *localstore.Store
	n       *otelusage.Statistic
	mode    localstore.Mode
	at      map[int]decision // by moment
	moment  int
	next    int
	counted []count
	erased  int   // how many counts were made before the last erasure
	sent    int64 // sum of what the destination got
	over    bool  // no further moment comes
	leaked  []string
}

type count struct {
	moment int
	mode   localstore.Mode
}

// Temporality and what follows make it the destination, where a decision can
// fall before a request is processed, and before its answer arrives.
func (p *twoProcesses) Temporality(sdkmetric.InstrumentKind) metricdata.Temporality {
	return metricdata.DeltaTemporality
}

func (p *twoProcesses) Aggregation(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(kind)
}

func (p *twoProcesses) Export(_ context.Context, rm *metricdata.ResourceMetrics) error {
	sum := int64(received([]*metricdata.ResourceMetrics{rm})["1.0.0 n"])
	if early := sum & (1<<p.erased - 1); early != 0 {
		p.leaked = append(p.leaked, fmt.Sprintf("%b was counted before an erasure and sent after it", early))
	}
	if p.sent&sum != 0 {
		p.leaked = append(p.leaked, fmt.Sprintf("%b was sent twice", p.sent&sum))
	}
	p.sent |= sum
	if !p.over {
		p.pass()
	}
	return nil
}

func (p *twoProcesses) ForceFlush(context.Context) error { return nil }
func (p *twoProcesses) Shutdown(context.Context) error   { return nil }

// count adds the next power of two.
func (p *twoProcesses) count() {
	p.n.Add(1 << p.next)
	p.next++
	p.counted = append(p.counted, count{p.moment, p.mode})
}

// pass is a moment at which the other process may decide.
func (p *twoProcesses) pass() {
	p.count()
	d, decides := p.at[p.moment]
	if !decides {
		p.moment++
		return
	}
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
		must(p.tb, p.other.Erase(ctx))
		p.erased = p.next
	}
	p.count()
	p.moment++
}

// cycle collects and records, with a moment before each step. ahead is whether
// the reader observes before it collects, as Reader does and the SDK's cannot.
func (p *twoProcesses) cycle(ahead bool) {
	if ahead {
		p.pass()
		p.exporter.notice(context.Background())
	}
	p.pass()
	var rm metricdata.ResourceMetrics
	must(p.tb, p.reader.Collect(context.Background(), &rm))
	p.pass()
	must(p.tb, p.exporter.Export(context.Background(), &rm))
}

// walk runs cycles and submissions with decisions at given moments, and returns
// how many moments there were.
func walk(t *testing.T, ahead bool, mode localstore.Mode, at map[int]decision) int {
	p := &twoProcesses{mode: mode, at: at}
	p.run = setup{opts: []Option{WithForwarder(p)}}.start(t)
	var err error
	p.other, err = localstore.Open(p.store.Path())
	must(t, err)
	must(t, p.other.SetMode(t.Context(), mode))
	p.n = p.statistic("n")
	for range 3 { // what was decided before is known
		p.exporter.notice(t.Context())
		must(t, p.export())
	}
	for range 2 {
		p.cycle(ahead)
		p.cycle(ahead)
		p.pass()
		_ = p.exporter.Submit(t.Context()) // refused where nothing may be sent
	}
	moments := p.moment
	p.over = true
	for range 3 {
		p.exporter.notice(t.Context())
		p.count()
		must(t, p.export())
	}
	_ = p.exporter.Submit(t.Context())
	p.check()
	p.balanced()
	must(t, p.exporter.Shutdown(t.Context()))
	must(t, p.provider.Shutdown(t.Context()))
	must(t, p.other.Close())
	must(t, p.store.Close())
	return moments
}

// check holds what was sent and recorded to what was decided when it was
// counted. The last count, made well after the last decision, is not to be
// missing. What was counted while recording was off may be recorded, and never
// sent, where the process did not notice.
func (p *twoProcesses) check() {
	fail := func(format string, args ...any) {
		p.tb.Errorf("decisions %v: %s", p.at, fmt.Sprintf(format, args...))
	}
	for _, leak := range p.leaked {
		fail("%s", leak)
	}
	var recorded int64
	balances, err := p.store.Balance(context.Background())
	must(p.tb, err)
	for _, b := range balances {
		if b.Name == "n" {
			recorded += b.Recorded.Int64()
		}
	}
	for rest := uint64(p.sent); rest != 0; rest &= rest - 1 {
		if c := p.counted[bits.TrailingZeros64(rest)]; c.mode != localstore.ModeOn {
			fail("a count of moment %d, while the mode was %v, was sent", c.moment, c.mode)
		}
	}
	for i, c := range p.counted {
		switch has := recorded>>i&1 == 1; {
		case has && i < p.erased:
			fail("a count of moment %d, before the erasure, is recorded", c.moment)
		case has && c.mode == localstore.ModeOff && p.mode == localstore.ModeOff:
			fail("a count of moment %d, while recording was off, is recorded", c.moment)
		case !has && len(p.at) == 0 && c.mode != localstore.ModeOff:
			fail("a count of moment %d is not recorded", c.moment)
		case !has && i == p.next-1 && p.mode != localstore.ModeOff:
			fail("what was counted last is not recorded")
		}
		if wanted := len(p.at) == 0 || i == p.next-1; wanted && p.mode == localstore.ModeOn && p.sent>>i&1 == 0 {
			fail("a count of moment %d, with consent throughout, was not sent", c.moment)
		}
	}
	if p.next > 62 {
		p.tb.Fatalf("%d counts do not fit into one number", p.next)
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
