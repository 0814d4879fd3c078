package exporter

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/faulty"
)

// answers gives the faults in turn, and then works.
func answers(faults ...faulty.Fault) func() faulty.Fault {
	return func() faulty.Fault {
		if len(faults) == 0 {
			return faulty.Well
		}
		next := faults[0]
		faults = faults[1:]
		return next
	}
}

func TestPartsOfABatchAreSettledApart(t *testing.T) {
	for name, faults := range map[string][]faulty.Fault{
		"the second is refused":           {faulty.Well, faulty.Status(503, "")},
		"the first is refused":            {faulty.Status(503, ""), faulty.Well},
		"the answer to the first is lost": {faulty.Lost, faulty.Well},
	} {
		t.Run(name, func(t *testing.T) {
			o := startOutbox(t)
			o.setup.version = "1.0.0"
			o.restart(t, o.receiver.URL)
			o.statistic("n").Add(5)
			o.record()
			o.setup.version = "1.1.0"
			o.restart(t, o.receiver.URL)
			o.statistic("n").Add(7)
			o.record()
			o.receiver.Behave(answers(faults...))
			if err := o.exporter.Submit(t.Context()); err == nil {
				t.Error("Submit succeeded")
			}
			o.balanced()
			o.submit()
			o.arrived(t, "n", 12)
			if held := o.held(t, "n"); held != 0 {
				t.Errorf("%d still held", held)
			}
			o.end()
		})
	}
}

// What is sent again is the same to the letter, also by another process that
// counted on meanwhile.
func TestResendsAreVerbatim(t *testing.T) {
	o := startOutbox(t)
	n := o.statistic("n")
	n.Add(5)
	o.state("mode", "on")
	o.record()
	o.receiver.Behave(answers(faulty.Lost, faulty.Status(500, ""), faulty.Well))
	for range 2 {
		if err := o.exporter.Submit(t.Context()); err == nil {
			t.Error("Submit succeeded")
		}
		n.Add(1)
		o.state("mode", "").Set("off")
		o.record()
	}
	o.setup.version = "2.0.0"
	o.setup.clock.advance(-24 * time.Hour)
	o.restart(t, o.receiver.URL)
	o.submit()
	bodies := o.receiver.Bodies()
	if len(bodies) < 4 || !bytes.Equal(bodies[0], bodies[1]) || !bytes.Equal(bodies[0], bodies[2]) || bytes.Equal(bodies[0], bodies[3]) {
		t.Errorf("%d requests, the first three of which differ or are followed by nothing new", len(bodies))
	}
	o.arrived(t, "n", 7)
	o.end()
}

func TestReceiverKeepsEverythingWhateverTheClock(t *testing.T) {
	if testing.Short() {
		t.Skip("tries many clocks")
	}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 3))
	jumps := []time.Duration{-time.Hour, time.Hour, 10 * 365 * 24 * time.Hour, -10 * 365 * 24 * time.Hour, time.Minute, 0, -time.Nanosecond}
	o := startOutbox(t)
	n := o.statistic("n")
	var recorded int64
	jump := func() { o.setup.clock.advance(jumps[random.IntN(len(jumps))]) }
	for range 100 {
		jump()
		n.Add(3)
		recorded += 3
		jump()
		o.record()
		jump()
		o.submit()
	}
	o.arrived(t, "n", recorded)
	if dropped := o.receiver.Dropped(); dropped > 0 {
		t.Errorf("seed %d: the receiver dropped %d points", seed, dropped)
	}
	// A clock that was wrong holds back nothing once it is right.
	o.setup.clock.advance(10 * 365 * 24 * time.Hour)
	n.Inc()
	o.record()
	o.submit()
	o.setup.clock.advance(-10 * 365 * 24 * time.Hour)
	n.Inc()
	o.record()
	before := len(o.receiver.Bodies())
	must(t, o.exporter.sender.submit(t.Context(), false))
	o.setup.clock.advance(2 * submitEvery)
	must(t, o.exporter.sender.submit(t.Context(), false))
	if len(o.receiver.Bodies()) == before {
		t.Error("submissions wait for a time ten years ahead")
	}
	o.arrived(t, "n", recorded+2)
	o.end()
}

// Power loss takes what was not synchronised. A batch of which a byte has left
// is not among it: the file as it was then holds the batch.
func TestSealedBatchSurvivesPowerLoss(t *testing.T) {
	o := startOutbox(t)
	n := o.statistic("n")
	n.Add(5)
	o.record()
	saved := filepath.Join(t.TempDir(), "usage.db")
	o.receiver.Behave(func() faulty.Fault { // the request is here: what is on the disk now stays
		copyMirror(t, o.setup.path, saved)
		return faulty.Lost
	})
	if err := o.exporter.Submit(t.Context()); err == nil {
		t.Error("Submit succeeded")
	}
	n.Add(100) // lost with the power
	o.record()
	o.end()

	o.setup.path = saved
	o.setup.clock.advance(2 * time.Minute) // the lease of the process that is gone ends
	o.receiver.Behave(answers())
	o.run = nil
	o.restart(t, o.receiver.URL)
	o.statistic("n").Add(2)
	o.record()
	o.submit()
	bodies := o.receiver.Bodies()
	if len(bodies) != 3 || !bytes.Equal(bodies[0], bodies[1]) {
		t.Errorf("%d requests, want the sealed batch twice and what came after", len(bodies))
	}
	o.arrived(t, "n", 7)
	o.end()
}

func copyMirror(t *testing.T, from, to string) {
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(from + suffix)
		if err == nil {
			err = os.WriteFile(to+suffix, b, 0o600)
		}
		if err != nil {
			t.Error(err)
		}
	}
}
