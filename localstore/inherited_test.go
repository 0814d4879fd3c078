package localstore

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// family is a mirror with short runs that go on with each other's journals.
type family struct {
	t      *testing.T
	random *rand.Rand
	path   string
	clock  *clock
	alive  []shortRun
	ended  counts // of those that ended, in whichever way
	slept  int    // runs that left all to others
}

// TestWhatRunsInheritIsExact: short runs, up to four at a time, count, record, end well or
// are killed, while others decide and look. At each look a start knows what all runs
// counted that ended, and in the end the mirror has each count once.
func TestWhatRunsInheritIsExact(t *testing.T) {
	slept := 0
	for seed := range uint64(6 + kills(0)/10) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			path, c := warmed(t)
			f := &family{t: t, random: rand.New(rand.NewPCG(seed, 7)), path: path, clock: c,
				ended: counts{"n{}": 1, "f{}": 0.1, "t{}": 1000.5, "q{}": 1}}
			for range 150 {
				c.add(time.Duration(f.random.IntN(3000)) * time.Millisecond)
				f.step()
			}
			for len(f.alive) > 0 {
				f.end(0)
			}
			s := open(t, path, c)
			recoverNow(s)
			recorded, _ := recordedIn(t, s)
			for key, want := range f.ended {
				if got := recorded[key]; got-want > 1e-6 || want-got > 1e-6 {
					t.Errorf("%s: the mirror holds %v, want %v", key, got, want)
				}
			}
			slept += f.slept
		})
	}
	if slept < 50 {
		t.Errorf("only %d runs left what they counted to others", slept)
	}
}

func (f *family) step() {
	t := f.t
	if len(f.alive) == 0 {
		f.alive = append(f.alive, startShort(t, f.path, f.clock))
	}
	i := f.random.IntN(len(f.alive))
	r := f.alive[i]
	switch n := f.random.IntN(40); {
	case n < 6 && len(f.alive) < 4:
		f.alive = append(f.alive, startShort(t, f.path, f.clock))
	case n < 20:
		f.count(r)
	case n < 27:
		f.end(i)
	case n < 32:
		f.kill(i)
	case n < 33:
		r.mustRecord(t)
	case n < 34:
		r.enter(t, fmt.Sprint("state ", f.random.IntN(3)))
	case n < 35:
		other := open(t, f.path, f.clock)
		setMode(t, other, []consent.Mode{consent.ModeOn, consent.ModeLocal}[f.random.IntN(2)])
		closeStore(t, other)
	default:
		f.look()
	}
}

// count counts in some kinds alone, so that heirs keep others than the runs before them.
func (f *family) count(r shortRun) {
	if f.random.IntN(2) == 0 {
		r.countNumber(f.t)
	}
	if f.random.IntN(3) == 0 {
		r.countFloat(f.t)
	}
	if f.random.IntN(4) == 0 {
		r.countTime(f.t)
	}
	if f.random.IntN(5) == 0 {
		r.mortal.count(f.t)
	}
}

func (f *family) end(i int) {
	if !f.take(i).end(f.t) {
		f.slept++
	}
}

func (f *family) kill(i int) {
	r := f.take(i)
	r.die(f.t, r.remains(f.t))
}

// take removes a run that ends.
func (f *family) take(i int) shortRun {
	r := f.alive[i]
	f.alive = append(f.alive[:i:i], f.alive[i+1:]...)
	f.ended = f.ended.plus(r.counted())
	return r
}

// look is a start that only looks, if it finds the mirror asleep.
func (f *family) look() {
	s := open(f.t, f.path, f.clock, Lazily())
	defer closeStore(f.t, s)
	if !isAsleep(s) {
		return
	}
	l, err := s.Declare(otelusage.Declaration{Name: "n", Kind: otelusage.KindStatistic})
	if err != nil {
		f.t.Fatal(err)
	}
	most := f.ended["n{}"]
	for _, r := range f.alive {
		most += r.counted()["n{}"]
	}
	var got float64
	for _, of := range l.Series {
		got += float64(of.Int)
	}
	if got < f.ended["n{}"] || got > most {
		f.t.Errorf("a start knows of %v, want %v to %v", got, f.ended["n{}"], most)
	}
}
