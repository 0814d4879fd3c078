package linking

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
)

// Config describes a simulation.
type Config struct {
	Installations, Days int
	Until               time.Time // the end; the start is Days before
	Seed                uint64
	Unlinkable          bool
	Rotation            time.Duration // 0: never
	Erasing             float64       // the share of installations that erase everything once
	Lost                float64       // the share of requests whose answer is lost
}

const (
	submitInterval = 24 * time.Hour
	checkInterval  = time.Minute
)

// Request is one as the receiver gets it.
type Request struct {
	Arrived time.Time
	Body    []byte // an OTLP request, protobuf

	owner int // what an attacker wants to know
}

// Truth is what was counted, by those who counted it.
type Truth struct {
	Searches map[bool]int64   // sent: by whether the archive is to delete it
	InState  map[string]int64 // installations in each state at the end
	Erased   int              // requests for deletion
}

// Archived are the sums that the archive's SQL is to say.
func (t Truth) Archived() map[string]int64 {
	sums := map[string]int64{"searches": t.Searches[false], "erased": int64(t.Erased)}
	for state, n := range t.InState {
		sums["in "+state] = n
	}
	maps.DeleteFunc(sums, func(_ string, n int64) bool { return n == 0 })
	return sums
}

// Result is all that arrived, in the order of arrival.
type Result struct {
	Requests []Request
	Truth    Truth
}

// Run simulates all installations in mirrors below dir.
func Run(ctx context.Context, dir string, c Config) (*Result, error) {
	r := &Result{Truth: Truth{Searches: make(map[bool]int64), InState: make(map[string]int64)}}
	for i := range c.Installations {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		in, err := begin(c, i, filepath.Join(dir, fmt.Sprint(i), "usage.db"))
		if err == nil {
			err = errors.Join(in.live(ctx), in.end(ctx))
		}
		if err != nil {
			return nil, fmt.Errorf("simulate installation %d: %w", i, err)
		}
		in.tell(r)
	}
	slices.SortStableFunc(r.Requests, func(a, b Request) int { return a.Arrived.Compare(b.Arrived) })
	return r, nil
}

// clock is an installation's time. It is set from one goroutine, and read by the
// mirror's.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// network is the forwarder of one installation: it encodes what it is given as the
// OTLP forwarder does, and loses answers.
type network struct {
	owner  int
	clock  *clock
	random *rand.Rand
	lost   float64
	got    []Request
}

var errLost = errors.New("the answer was lost")

func (n *network) Export(_ context.Context, rm *metricdata.ResourceMetrics) error {
	body, err := otlp.Encode(rm)
	if err != nil {
		return err
	}
	n.got = append(n.got, Request{n.clock.now(), body, n.owner})
	if n.random.Float64() < n.lost {
		return errLost
	}
	return nil
}

func (n *network) Temporality(sdkmetric.InstrumentKind) metricdata.Temporality {
	return metricdata.DeltaTemporality
}

func (n *network) Aggregation(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(kind)
}

func (n *network) ForceFlush(context.Context) error { return nil }
func (n *network) Shutdown(context.Context) error   { return nil }

// tell adds what the installation sent and counted.
func (in *installation) tell(r *Result) {
	r.Requests = append(r.Requests, in.network.got...)
	for _, sent := range in.sent {
		r.Truth.Searches[sent.deleted] += sent.searches
	}
	if in.state != "" {
		r.Truth.InState[in.state]++
	}
	r.Truth.Erased += in.erasures
}

// weighted draws an index, lower ones more often.
func weighted(r *rand.Rand, n int) int { return cmp.Compare(r.IntN(3), 0) * r.IntN(n) }
