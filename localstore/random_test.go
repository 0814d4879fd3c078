package localstore

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

var seedFlag = flag.Uint64("seed", 0, "of the random test; 0 for several fixed ones")

// receiver keeps the rules of a delta to cumulative processor: per stream, what
// is not newer than the last point is dropped, so that a part that comes twice
// counts once.
type receiver struct {
	t    *testing.T
	last map[string]time.Time    // by stream
	sums map[string]series.Value // by version, metric and attributes
}

func (r *receiver) take(p *series.Part) {
	for _, s := range p.Scopes {
		for _, m := range s.Metrics {
			if m.Metric.Type == series.TypeGauge {
				continue
			}
			for _, point := range m.Points {
				key := serviceVersion(p) + " " + m.Metric.Name + series.EncodeAttributes(point.Attributes)
				last, known := r.last[key]
				if known && !p.End.After(last) {
					continue
				}
				if known && p.Start.Before(last) {
					r.t.Errorf("%s: [%v, %v) overlaps what ended at %v", key, p.Start, p.End, last)
				}
				r.last[key], r.sums[key] = p.End, r.sums[key].Add(point.Value)
			}
		}
	}
}

// process is one of those that have the mirror open.
type process struct {
	s      *Store
	w      *recording.Writer
	counts []*series.Series
	mode   *series.Series
	seen   world
	sub    *outbox.Submission
	part   *series.Part // handed out and not settled
}

// world is what decides whether a count may be sent.
type world struct {
	mode  consent.Mode
	epoch int
}

func (w world) maySend() bool { return w.mode == consent.ModeOn || w.mode == consent.ModeUnset }

type simulation struct {
	t         *testing.T
	random    *rand.Rand
	clock     *clock
	path      string
	world     world
	processes []*process
	receiver  *receiver
	recorded  map[string]series.Value // as the application counted
	state     string                  // last moved with leave: version and state
	withheld  bool                    // sending was switched off since
	poison    string
}

func TestRandomOperationsLoseAndDoubleNothing(t *testing.T) {
	seeds := []uint64{1, 2, 3}
	if testing.Short() {
		seeds = seeds[:1]
	}
	if *seedFlag != 0 {
		seeds = []uint64{*seedFlag}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			sim := &simulation{
				t: t, random: rand.New(rand.NewPCG(seed, 0)), clock: newClock(), path: newPath(t),
				receiver: &receiver{t: t, last: map[string]time.Time{}, sums: map[string]series.Value{}},
				recorded: map[string]series.Value{}, poison: `b{"i":2}`,
			}
			sim.processes = []*process{{}, {}}
			for i := range sim.processes {
				sim.reopen(i)
			}
			for i := range 1000 {
				sim.step()
				if t.Failed() {
					t.Fatalf("seed %d failed at step %d; run with -seed %d", seed, i, seed)
				}
			}
			sim.drain()
			sim.check()
		})
	}
}

func (sim *simulation) reopen(i int) {
	p := sim.processes[i]
	if p.s != nil {
		closeStore(sim.t, p.s)
	}
	s := open(sim.t, sim.path, sim.clock, WithRandom(sim.random.Float64))
	r := version(fmt.Sprint(1 + sim.random.IntN(2)))
	*p = process{s: s, w: newWriter(sim.t, s), mode: state(r, "mode"), seen: sim.world}
	for j := range 5 {
		p.counts = append(p.counts, statistic(r, "a", attribute.Int("i", j)), statistic(r, "b", attribute.Int("i", j)))
	}
	p.counts = append(p.counts, timer(r, "t", timerBounds), exponentialTimer(r, "e"))
}

func (sim *simulation) step() {
	p := sim.processes[sim.random.IntN(len(sim.processes))]
	switch n := sim.random.IntN(100); {
	case n < 40:
		sim.record(p)
	case n < 47:
		modes := []consent.Mode{consent.ModeUnset, consent.ModeOff, consent.ModeLocal, consent.ModeOn, consent.ModeOn, consent.ModeOn}
		if m := modes[sim.random.IntN(len(modes))]; m != sim.world.mode {
			setMode(sim.t, p.s, m)
			before := sim.world
			sim.world = world{m, before.epoch + 1}
			sim.withheld = sim.withheld || before.maySend() && !sim.world.maySend()
		}
	case n < 60:
		sim.begin(p)
	case n < 90:
		sim.send(p)
	case n < 92:
		if p.sub != nil {
			if err := p.sub.Release(sim.t.Context(), sim.random.IntN(2) == 0); err != nil {
				sim.t.Error(err)
			}
			p.sub, p.part = nil, nil
		}
	case n < 96:
		sim.clock.add([]time.Duration{time.Second, time.Minute, time.Hour, -time.Hour, mirrordb.MaxLease + 1, day}[sim.random.IntN(6)])
	default:
		sim.reopen(sim.random.IntN(len(sim.processes))) // an attempt under way is abandoned
	}
	balanced(sim.t, p.s)
}

func (sim *simulation) record(p *process) {
	r := recording.Recording{MaySend: sim.random.IntN(10) > 0}
	for range 1 + sim.random.IntN(4) {
		points := p.counts[sim.random.IntN(len(p.counts))]
		delta := series.Int64Value(int64(sim.random.IntN(100)))
		observed := []float64{float64(1 + sim.random.IntN(1000))}
		switch points.Metric.Type {
		case series.TypeHistogram:
			delta = observe(timerBounds, observed...)
		case series.TypeExponential:
			delta = exponentialOf(observed, int32(sim.random.IntN(10)))
		}
		r.Changes = append(r.Changes, recording.Change{Series: points, Delta: delta})
	}
	if sim.random.IntN(4) == 0 {
		r.Moves = []recording.Move{{Series: p.mode, State: string(rune('a' + sim.random.IntN(4))), Moved: true}}
	}
	recordAll(sim.t, p.w, r)
	before, now := p.seen, sim.world
	p.seen = now
	if !r.MaySend {
		p.seen.epoch = -1 // nothing that follows was allowed before
	}
	if before.mode == consent.ModeOff || now.mode == consent.ModeOff {
		return
	}
	for _, c := range r.Changes {
		key := versionOf(c.Series) + " " + c.Series.Metric.Name + series.EncodeAttributes(c.Series.Attributes)
		sim.recorded[key] = sim.recorded[key].Add(c.Delta)
	}
	if share := r.MaySend && now.maySend() && before == now; share && len(r.Moves) > 0 {
		sim.withheld = false
		sim.state = versionOf(p.mode) + ` mode.occupancy{"state":"` + r.Moves[0].State + `"}`
	}
}

func versionOf(s *series.Series) string {
	v, _ := s.Resource.Attributes.Value("service.version")
	return v.AsString()
}

func (sim *simulation) begin(p *process) {
	r := request(outbox.Delta)
	r.Force = sim.random.IntN(2) == 0
	sub, err := p.s.Outbox().Begin(sim.t.Context(), r)
	switch {
	case errors.Is(err, outbox.ErrLeased):
	case errors.Is(err, outbox.ErrNoConsent):
		if sim.world.maySend() {
			sim.t.Error(err)
		}
	case err != nil:
		sim.t.Error(err)
	case sub != nil:
		p.sub, p.part = sub, nil
	}
}

// send does one step of an attempt: it takes a part, or settles one.
func (sim *simulation) send(p *process) {
	if p.sub == nil {
		return
	}
	if p.part == nil {
		part, err := p.sub.Next(sim.t.Context())
		if err != nil && !errors.Is(err, outbox.ErrLeaseLost) && !errors.Is(err, outbox.ErrNoConsent) {
			sim.t.Error(err)
		}
		if p.part = part; part == nil {
			p.sub = nil
		}
		return
	}
	more, err := p.sub.Settle(sim.t.Context(), p.part, sim.answer(p.part))
	if err != nil && !errors.Is(err, outbox.ErrLeaseLost) {
		sim.t.Error(err)
	}
	if p.part = nil; !more {
		p.sub = nil
	}
}

func (sim *simulation) answer(p *series.Part) outbox.Outcome {
	switch sim.random.IntN(10) {
	case 0:
		return outbox.Outcome{Verdict: outbox.Transient, Status: 503, RetryAfter: time.Duration(sim.random.IntN(100)) * time.Minute}
	case 1:
		return outbox.Outcome{Verdict: outbox.Refused, Status: 401}
	case 2:
		sim.receiver.take(p)
		return outbox.Outcome{Verdict: outbox.Unknown, Reason: "the answer was lost"}
	case 3:
		sim.receiver.take(p)
		return outbox.Outcome{Verdict: outbox.Partial, Status: 200}
	case 4:
		return outbox.Outcome{Verdict: outbox.TooLarge, Status: 413}
	}
	if _, ok := points(p)[sim.poison]; ok {
		return outbox.Outcome{Verdict: outbox.TooLarge, Status: 400}
	}
	sim.receiver.take(p)
	return accepted
}

// drain sends all that is left to a destination that takes everything.
func (sim *simulation) drain() {
	s := sim.processes[0].s
	setMode(sim.t, s, consent.ModeOn)
	sim.clock.add(mirrordb.MaxLease + time.Second)
	for range 5 {
		attemptWith(sim.t, s, request(outbox.Delta), func(p *series.Part) outbox.Outcome { sim.receiver.take(p); return accepted })
	}
}

func (sim *simulation) check() {
	list, err := sim.processes[0].s.Balance(sim.t.Context())
	if err != nil {
		sim.t.Fatal(err)
	}
	checked, moved := 0, 0
	for _, b := range list {
		set, err := series.DecodeAttributes(b.Resource)
		if err != nil {
			sim.t.Fatal(err)
		}
		v, _ := set.Value("service.version")
		key := v.AsString() + " " + b.Name + b.Attributes
		if !b.Pending.IsZero() || !b.InFlight.IsZero() {
			sim.t.Errorf("%s: pending %s, in flight %s", key, b.Pending, b.InFlight)
		}
		arrived := sim.receiver.sums[key]
		if held := arrived.Add(b.SetAside).Add(b.Withheld); !held.Nearly(b.Recorded) {
			sim.t.Errorf("%s: received %s and held make %s, recorded %s", key, arrived, held, b.Recorded)
		}
		if strings.HasPrefix(b.Name, otelusage.ReservedPrefix) {
			continue
		}
		checked++
		if truth := sim.recorded[key]; !truth.Nearly(b.Recorded) {
			sim.t.Errorf("%s: recorded %s, counted %s", key, b.Recorded, truth)
		}
		if !arrived.IsZero() {
			moved++
		}
	}
	if checked < len(sim.recorded) || moved == 0 {
		sim.t.Errorf("%d series of %d, %d received", checked, len(sim.recorded), moved)
	}
	occupied := 0
	for key, v := range sim.receiver.sums {
		if strings.Contains(key, "mode.occupancy") && !v.IsZero() {
			if occupied++; v.Int64() != 1 || key != sim.state && !sim.withheld {
				sim.t.Errorf("occupancy of %s = %s, the state is %s", key, v, sim.state)
			}
		}
	}
	// A state that was withheld before it was sent leaves the one before it, or none.
	if occupied > 1 || sim.state != "" && !sim.withheld && occupied == 0 {
		sim.t.Errorf("%d states are occupied, the last is %s", occupied, sim.state)
	}
}
