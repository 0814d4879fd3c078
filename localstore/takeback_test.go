package localstore

import (
	"errors"
	"testing"
	"time"
)

// TestTakeBackAfterAnErasure: of a request that was answered after it, the
// states entered, under the old ids and after the interval.
func TestTakeBackAfterAnErasure(t *testing.T) {
	for name, test := range map[string]struct {
		erase bool
		mode  Mode
		o     Outcome
		want  bool
		later time.Duration
	}{
		"accepted":                {true, ModeOn, accepted, true, 0},
		"not erased":              {false, ModeOn, accepted, false, 0},
		"lease ran out":           {true, ModeOn, accepted, false, time.Hour},
		"not arrived":             {true, ModeOn, Outcome{Verdict: Transient}, false, 0},
		"switched off in between": {true, ModeOff, accepted, false, 0},
		"local only in between":   {true, ModeLocal, accepted, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := fresh(t)
			other := open(t, s.Path(), c)
			w, r := newWriter(t, other), version("1")
			recordAll(t, w, Recording{
				Changes: []Change{add(statistic(r, "n"), 1)},
				Moves:   []Move{{Series: state(r, "mode"), State: "dark", Moved: true}}, MaySend: true,
			})
			sub := mustBegin(t, other)
			part := next(t, sub)
			if test.erase {
				if err := s.Erase(t.Context()); err != nil {
					t.Fatal(err)
				}
				setMode(t, s, test.mode)
				if _, err := sub.Settle(t.Context(), part, test.o); !errors.Is(err, ErrLeaseLost) {
					t.Fatalf("settled: %v, want ErrLeaseLost", err)
				}
			}
			c.add(test.later)
			back, err := sub.TakeBack(t.Context(), test.o)
			if err != nil || (back != nil) != test.want {
				t.Fatalf("takes back %v, %v, want something: %t", back, err, test.want)
			}
			if back == nil {
				return
			}
			value := back.Scopes[0].Metrics[0].Points[0].Value
			if back.Points() != 1 || value.Int64() != -1 || back.Resource != part.Resource || !back.Start.Equal(part.End) || !back.End.After(back.Start) {
				t.Errorf("takes back %s", wire(back))
			}
			if again, err := sub.TakeBack(t.Context(), test.o); again != nil || err != nil {
				t.Errorf("a second time: %v, %v", again, err)
			}
		})
	}
}
