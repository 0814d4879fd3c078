package fleet

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// installation is one person's application and its mirror.
type installation struct {
	random      *rand.Rand
	id, mirror  string
	application string
	leaks       bool // its resource has identifying attributes

	version  int
	clock    time.Duration // the error of its clock
	until    time.Time     // end of the last interval
	state    string
	accepted placed // where it is counted
	beats    map[string]bool
}

// placed is the state and the version that an installation is counted under.
type placed struct {
	state   string
	version int
}

// unset is the state before the first one.
const unset = "unset"

// secrets are the values of a leaky resource.
var secrets = []string{"secret-host", "--password=secret-argument", "secret-user"}

func newInstallation(c Config, number int) *installation {
	r := rand.New(rand.NewPCG(c.Seed, uint64(number)))
	in := &installation{
		random: r, application: applications[r.IntN(len(applications))], version: r.IntN(2),
		leaks: r.IntN(50) == 0, beats: make(map[string]bool), state: unset,
	}
	in.id, in.mirror = uuidOf(r), uuidOf(r)
	switch dice := r.IntN(100); {
	case dice < 85: // set by the network
		in.clock = time.Duration(r.Int64N(int64(4*time.Minute))) - 2*time.Minute
	case dice < 96: // the wrong time zone, or day
		in.clock = time.Duration(r.Int64N(int64(80*time.Hour))) - 40*time.Hour
	case dice < 98: // an empty battery
		in.clock = time.Unix(0, 0).Sub(c.Until)
	default:
		in.clock = 50 * 365 * 24 * time.Hour
	}
	return in
}

func uuidOf(r *rand.Rand) string {
	var id uuid.UUID
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id.String()
}

// times returns when it submits, oldest first.
func (in *installation) times(c Config) []time.Time {
	times := make([]time.Time, 1+in.random.IntN(4))
	month := time.Duration(c.Days) * 24 * time.Hour
	for i := range times {
		times[i] = c.Until.Add(-time.Duration(in.random.Int64N(int64(month))))
	}
	slices.SortFunc(times, time.Time.Compare)
	return times
}

// batch is what one submission adds. Its parts have one interval.
type batch struct {
	start, end time.Time
	parts      []part
}

type part struct {
	version int
	points  []point
}

// point is a value of a series. With a histogram it is a timer's.
type point struct {
	metric     string
	attributes []pair
	whole      int64
	real       float64
	histogram  *observed
}

type pair struct{ key, value string }

type observed struct {
	sum     float64
	buckets [buckets]uint64
}

// submit counts something and seals it. now is the true time.
func (in *installation) submit(now time.Time) batch {
	r := in.random
	if r.IntN(50) == 0 { // somebody sets the clock
		in.clock = -time.Duration(r.Int64N(int64(30 * time.Hour)))
	}
	local := now.Add(in.clock).UTC()
	if in.until.IsZero() {
		in.until = local.Add(-time.Hour)
	}
	b := batch{start: in.until, end: local}
	if !b.end.After(b.start) {
		b.end = b.start.Add(1)
	}
	in.until = b.end
	if in.version < len(versions)-1 && r.IntN(4) == 0 {
		in.version++
	}
	p := part{version: in.version, points: in.count(local)}
	moved, old := in.move(&p)
	if moved {
		b.parts = append(b.parts, old)
	}
	b.parts = append(b.parts, p)
	return b
}

// count is a session: it counts everything except the state.
func (in *installation) count(local time.Time) []point {
	r := in.random
	points := []point{
		{metric: searches, attributes: []pair{{"via", "web"}}, whole: 1 + r.Int64N(1000)},
		{metric: searches, attributes: []pair{{"via", "menu"}}, whole: 1 + r.Int64N(50)},
		{metric: items, whole: 10 - r.Int64N(21)},
		{metric: distance, real: float64(1+r.IntN(4000)) / 4},
	}
	if points[2].whole == 0 {
		points = slices.Delete(points, 2, 3) // an unchanged value is not sent
	}
	h := new(observed)
	for range 1 + r.IntN(3) {
		seconds := float64(1+r.IntN(40000)) / 4
		h.sum += seconds
		bucket, _ := slices.BinarySearch(boundaries, seconds)
		h.buckets[bucket]++
	}
	points = append(points, point{metric: session, histogram: h})
	hits := 1 + r.Int64N(5)
	for _, c := range checkpoints {
		points = append(points, point{metric: export + otelusage.CheckpointsSuffix, attributes: []pair{{"checkpoint", c}}, whole: hits})
		if hits -= r.Int64N(2); hits == 0 {
			break
		}
	}
	if hits > 0 && len(points[len(points)-1].attributes) > 0 && points[len(points)-1].attributes[0].value == checkpoints[len(checkpoints)-1] {
		points = append(points, point{metric: export, whole: hits})
	}
	monday := local.AddDate(0, 0, -(int(local.Weekday())+6)%7)
	for _, period := range []pair{{"day", local.Format(time.DateOnly)}, {"week", monday.Format(time.DateOnly)}, {"month", local.Format("2006-01") + "-01"}} {
		if key := period.key + period.value; !in.beats[key] {
			in.beats[key] = true
			points = append(points, point{metric: active, attributes: []pair{{"date", period.value}, {"period", period.key}}, whole: 1})
		}
	}
	return points
}

// move changes the state at random, and adds the points that make states add up:
// an installation is counted in its state under the version that runs, unless it
// has no state. If it was counted under another version, that is taken back in a
// separate part.
func (in *installation) move(p *part) (elsewhere bool, old part) {
	if in.random.IntN(3) == 0 || in.state == unset {
		in.state = states[in.random.IntN(len(states))]
		p.points = append(p.points, point{metric: units + otelusage.ChangesSuffix, attributes: inState(in.state), whole: 1})
	}
	before, now := in.accepted, placed{in.state, in.version}
	if before != now {
		if before.state != otelusage.NoState {
			left := point{metric: units + otelusage.OccupancySuffix, attributes: inState(before.state), whole: -1}
			if before.version == now.version {
				p.points = append(p.points, left)
			} else {
				elsewhere, old = true, part{version: before.version, points: []point{left}}
			}
		}
		if now.state != otelusage.NoState {
			p.points = append(p.points, point{metric: units + otelusage.OccupancySuffix, attributes: inState(now.state), whole: 1})
		}
		in.accepted = now
	}
	gauge := point{metric: units, attributes: inState(in.state), whole: 1}
	if in.state == otelusage.NoState {
		gauge.whole = 0
	}
	p.points = append(p.points, gauge)
	return elsewhere, old
}

func inState(state string) []pair {
	if state == otelusage.NoState {
		return nil
	}
	return []pair{{"state", state}}
}

// text returns the attributes in the form of a Series.
func text(attributes []pair) string {
	var b []byte
	for i, a := range attributes {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, a.key...), '='), a.value...)
	}
	return string(b)
}

// Boundary returns a bucket's upper boundary in the form that Prometheus writes.
func Boundary(bucket int) string {
	if bucket == len(boundaries) {
		return "+Inf"
	}
	return strconv.FormatFloat(boundaries[bucket], 'g', -1, 64)
}

var boundaries = otelusage.TimerBoundaries()
