package linking

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

var (
	versions = []string{"1.0.0", "1.1.0", "2.0.0"}
	states   = []string{"Metric", "US Standard", "Nautical"}
	ways     = []string{"web", "menu", "shortcut", "voice"}
)

// installation is one, with a person's habits.
type installation struct {
	config  Config
	random  *rand.Rand
	clock   *clock
	network *network
	store   *localstore.Store
	run     *run

	version  int
	upgrades []int // days
	erases   int   // the day, -1 for never
	morning  int   // the hour at which the program is usually started
	always   bool  // it runs day and night
	eager    float64
	ways     []int // from the favourite on

	units    *otelusage.State
	state    string // at the end
	pending  int64  // searches that are not in a batch
	latest   int64  // batch
	sent     []batchTruth
	erasures int
	started  bool // the process has just begun
	erased   bool // in this process
	unsaid   bool // and no state was entered since
}

// batchTruth is what one batch holds.
type batchTruth struct {
	stream   string
	searches int64
	deleted  bool
}

// run is one process.
type run struct {
	exporter *exporter.Exporter
	reader   *exporter.Reader
	provider *sdkmetric.MeterProvider
	tracker  *otelusage.Tracker
	phase    time.Duration // of its checks

	searches *otelusage.Statistic
	items    *otelusage.Statistic
	session  *otelusage.Timer
	export   *otelusage.Sequence
}

func begin(c Config, number int, path string) (*installation, error) {
	r := rand.New(rand.NewPCG(c.Seed, uint64(number)))
	in := &installation{config: c, random: r, clock: &clock{}, erases: -1, version: r.IntN(2), morning: 6 + r.IntN(14),
		always: r.IntN(4) == 0, eager: 1 + r.ExpFloat64()*20, ways: r.Perm(len(ways))}
	for range len(versions) - 1 - in.version {
		in.upgrades = append(in.upgrades, r.IntN(c.Days))
	}
	if r.Float64() < c.Erasing {
		in.erases = 1 + r.IntN(max(c.Days-2, 1))
	}
	in.network = &network{owner: number, clock: in.clock, random: r, lost: c.Lost}
	in.clock.set(in.start().Add(time.Duration(r.Int64N(int64(24 * time.Hour)))))
	var err error
	in.store, err = localstore.Open(path, localstore.WithClock(in.clock.now), localstore.WithRandom(r.Float64))
	return in, err
}

func (in *installation) start() time.Time {
	return in.config.Until.Add(-time.Duration(in.config.Days) * 24 * time.Hour).Truncate(24 * time.Hour)
}

// live is all days of it.
func (in *installation) live(ctx context.Context) error {
	born := in.clock.now()
	for day := range in.config.Days {
		midnight := in.start().Add(time.Duration(day) * 24 * time.Hour)
		for _, d := range in.upgrades {
			if d == day && in.version < len(versions)-1 {
				in.version++
				in.quit(ctx)
			}
		}
		if !in.always && in.random.IntN(4) == 0 {
			continue // not used today
		}
		hours := []int{0, 4, 8, 12, 16, 20}
		if !in.always {
			in.quit(ctx)
			from := min(max(in.morning+in.random.IntN(3)-1, 0), 20)
			hours = []int{from, from + 1, from + 3}[:1+in.random.IntN(3)]
		}
		for _, hour := range hours {
			if err := in.ready(); err != nil {
				return err
			}
			at := midnight.Add(time.Duration(hour)*time.Hour + in.run.phase)
			if at.Before(born) || at.After(in.config.Until) {
				continue
			}
			in.clock.set(at)
			if err := in.tick(ctx); err != nil {
				return err
			}
		}
		if day == in.erases {
			if err := in.erase(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// ready starts a process if none runs. Its checks come at a random moment.
func (in *installation) ready() error {
	if in.run != nil {
		return nil
	}
	opts := []exporter.Option{exporter.WithForwarder(in.network), exporter.WithCheckInterval(exporter.NeverCheck),
		exporter.WithRotation(in.config.Rotation), exporter.WithErrorHandler(func(error) {})}
	if in.config.Unlinkable {
		opts = append(opts, exporter.Unlinkable())
	}
	exp, err := exporter.New(in.store, opts...)
	if err != nil {
		return err
	}
	r := &run{exporter: exp, reader: exporter.NewReader(exp), phase: time.Duration(in.random.Int64N(int64(time.Hour)))}
	r.provider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.reader), sdkmetric.WithResource(resource.NewSchemaless(
		attribute.String("service.name", "editor"), attribute.String("service.version", versions[in.version]), attribute.String("os.type", "linux"))))
	r.tracker, err = otelusage.New(otelusage.WithMeterProvider(r.provider), otelusage.WithLedger(in.store))
	if err != nil {
		return err
	}
	in.run, in.started, in.erased, in.unsaid = r, true, false, false
	return in.declare()
}

func (in *installation) declare() (err error) {
	r, t := in.run, in.run.tracker
	if r.searches, err = t.Statistic("searches", otelusage.Monotonic(), otelusage.WithDescription("Searches made, as "+versions[in.version]+" counts.")); err != nil {
		return err
	}
	if r.items, err = t.Statistic("items"); err != nil {
		return err
	}
	if in.units, err = t.State("units", states[0]); err != nil {
		return err
	}
	if r.session, err = t.Timer("session"); err != nil {
		return err
	}
	r.export, err = t.Sequence("export", []string{"open", "choose", "save"})
	return err
}

func (in *installation) quit(ctx context.Context) {
	if in.run != nil {
		_ = in.run.tracker.Close()
		_ = in.run.provider.Shutdown(ctx)
		in.run = nil
	}
}

// tick is a recording and a check, as the program makes them.
func (in *installation) tick(ctx context.Context) error {
	r := in.random
	for i, way := range in.ways {
		if n := r.Int64N(int64(in.eager)+2) >> i; n > 0 {
			in.run.searches.With(attribute.String("via", ways[way])).Add(n)
			in.pending += n
		}
	}
	in.run.items.Add(r.Int64N(7) - 3)
	if r.IntN(30) == 0 {
		before, _ := in.units.Value()
		if to := states[weighted(r, len(states))]; to != before {
			in.units.Set(to)
			in.unsaid = false
		}
	}
	in.run.session.Record(ctx, time.Duration(1+r.IntN(4000))*time.Second)
	if r.IntN(3) == 0 {
		in.run.export.AdvanceTo([]string{"choose", "save"}[r.IntN(2)])
		in.run.export.Clear()
	}
	if err := in.run.reader.Record(ctx); err != nil {
		return err
	}
	defer func() { in.started = false }()
	return in.submit(ctx, false)
}

// submit makes one attempt, as the exporter's sender does.
func (in *installation) submit(ctx context.Context, force bool) error {
	request := outbox.Request{Forwarder: outbox.Delta, MaySend: true, Force: force, Interval: submitInterval, Lease: time.Minute,
		Unlinkable: in.config.Unlinkable, Rotation: in.config.Rotation}
	if !force && !in.started && (in.config.Unlinkable || in.config.Rotation > 0 || in.erased) { // as it lingers
		in.clock.set(in.clock.now().Add(time.Duration(in.random.Int64N(int64(checkInterval)))))
	}
	for _, begin := range []func(context.Context, outbox.Request) (*outbox.Submission, error){in.store.Outbox().BeginRetraction, in.store.Outbox().Begin} {
		sub, err := begin(ctx, request)
		if err != nil {
			return err
		}
		if sub == nil {
			continue
		}
		if err := in.send(ctx, sub); err != nil {
			return err
		}
	}
	return nil
}

func (in *installation) send(ctx context.Context, sub *outbox.Submission) error {
	for {
		part, err := sub.Next(ctx)
		if err != nil || part == nil {
			return err
		}
		in.note(part.Batch)
		o := outbox.Outcome{Verdict: outbox.Accepted, Status: 200}
		if in.network.Export(ctx, exporter.ResourceMetrics(part, metricdata.DeltaTemporality)) != nil {
			o = outbox.Outcome{Verdict: outbox.Transient, Reason: errLost.Error()}
		}
		more, err := sub.Settle(ctx, part, o)
		if err != nil || !more {
			return err
		}
	}
}

// note keeps what a batch holds that is sent for the first time. A retraction has no
// number.
func (in *installation) note(batch int64) {
	if batch > in.latest {
		in.sent = append(in.sent, batchTruth{stream: in.store.StreamID(), searches: in.pending})
		in.pending, in.latest = 0, batch
	}
}

// erase is what Usage.Erase does. The network takes the requests at once or later.
func (in *installation) erase(ctx context.Context) error {
	if err := in.ready(); err != nil {
		return err
	}
	stream := in.store.StreamID()
	if err := in.run.reader.Erase(ctx); err != nil {
		return err
	}
	in.run.tracker.Reset()
	in.pending, in.latest, in.erased, in.unsaid = 0, 0, true, true
	asked := false
	for i := range in.sent {
		if stream != "" && in.sent[i].stream == stream {
			in.sent[i].deleted, asked = true, true
		}
	}
	if asked {
		in.erasures++
	}
	return nil
}

// end sends what is left.
func (in *installation) end(ctx context.Context) error {
	in.network.lost = 0
	in.clock.set(in.config.Until)
	if err := in.ready(); err != nil {
		return err
	}
	if err := in.run.reader.Record(ctx); err != nil {
		return err
	}
	for range 3 { // what was sealed, and what came since
		if err := in.submit(ctx, true); err != nil {
			return err
		}
	}
	if !in.unsaid {
		in.state, _ = in.units.Value()
	}
	in.quit(ctx)
	if err := in.store.Close(); err != nil {
		return fmt.Errorf("close mirror: %w", err)
	}
	return nil
}
