package deaths

import (
	"context"
	"errors"
	"maps"
	"math"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// tracked is a trackable of each kind.
type tracked struct {
	n *otelusage.Statistic
	f *otelusage.FloatStatistic
	t *otelusage.Timer
	s *otelusage.State
	q *otelusage.Sequence
}

func declare(tracker *otelusage.Tracker) (*tracked, error) {
	var k tracked
	var failed [5]error
	k.n, failed[0] = tracker.Statistic("n", otelusage.Monotonic())
	k.f, failed[1] = tracker.FloatStatistic("f")
	k.t, failed[2] = tracker.Timer("t")
	k.s, failed[3] = tracker.State("s", "new")
	k.q, failed[4] = tracker.Sequence("q", []string{"open", "save"})
	return &k, errors.Join(failed[:]...)
}

// count counts a little of each kind, and enters a state last.
func (k *tracked) count(state string) {
	k.n.Add(3)
	k.n.With(attribute.String("format", "pdf")).Inc()
	k.f.Add(0.25)
	k.f.Add(-2)
	k.t.Record(context.Background(), 1500*time.Millisecond)
	k.s.Set("between")
	k.s.Set(state)
	k.q.Hit("open")
	k.q.Hit("save")
}

// counts is what was counted, by metric and attributes.
type counts map[string]float64

// counted is what count counts.
func counted(state string) counts {
	c := counts{"n": 3, `n{"format":"pdf"}`: 1, "f": -1.75, "t": 1.5, "runs of t": 1, "q": 1,
		`q.checkpoints{"checkpoint":"open"}`: 1, `q.checkpoints{"checkpoint":"save"}`: 1}
	c[`s.changes{"state":"between"}`]++
	c[`s.changes{"state":"`+state+`"}`]++
	return c
}

func (c counts) plus(d counts) counts {
	sum := maps.Clone(c)
	if sum == nil {
		sum = make(counts)
	}
	for key, n := range d {
		sum[key] += n
	}
	return sum
}

func (c counts) equal(d counts) bool {
	return maps.EqualFunc(c, d, func(v, w float64) bool { return math.Abs(v-w) < 1e-6 })
}

// inMirror returns what a mirror has recorded, and what of it is to be sent.
// Heartbeats are left out.
func inMirror(t testing.TB, s *localstore.Store) (recorded, pending counts) {
	t.Helper()
	list, err := s.Balance(t.Context())
	must(t, err)
	recorded, pending = make(counts), make(counts)
	for _, b := range list {
		if b.Off != "" {
			t.Errorf("balance: %s", b.Off)
		}
		if b.Name == "otelusage.active" {
			continue
		}
		name := b.Name
		if b.Attributes != "{}" {
			name += b.Attributes
		}
		recorded.add(name, b.Recorded)
		pending.add(name, b.Pending)
	}
	return recorded, pending
}

func (c counts) add(name string, v series.Value) {
	n, runs := v.Float64(), 0.0
	if h := v.Histogram(); h != nil {
		n, runs = h.Sum, float64(h.Count)
	}
	if n != 0 {
		c[name] += n
	}
	if runs != 0 {
		c["runs of "+name] += runs
	}
}
