package journalfile

import (
	"fmt"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Content is what a journal holds, as far as it is sound.
type Content struct {
	Mirror, Writer string
	PID            int64
	Started        time.Time
	Superseded     bool

	// Damage says what is not sound, in words for a report. Series of which that
	// leaves no exact difference are not counted.
	Damage []string

	Header Header
	Slots  []ReadSlot

	identities    int   // how many there are
	identitiesEnd int64 // where the last one ends
}

type ReadSlot struct {
	Place   Place
	series  *series.Series
	Value   Value
	Bases   []readBase
	unclear bool // a base that cannot be read may be the one that holds
}

type readBase struct {
	seq   int64
	value Value
	At    int // of the two
}

// Difference is what a series counted beyond the mirror.
type Difference struct {
	Series *series.Series
	Delta  series.Value // nothing of a State
	State  string       // that was entered last
	Moves  int64        // since the recording that holds; more than 0 only for a State
}

// MaxDamage bounds what is said of a file of which nothing is sound.
const MaxDamage = 20

func (c *Content) damaged(format string, args ...any) {
	if len(c.Damage) < MaxDamage {
		c.Damage = append(c.Damage, fmt.Sprintf(format, args...))
	}
}

// Holding returns the recording beyond which the journal counts, given the number
// that the mirror has of its writer; known is false where it has none. Exact says
// that it is that very one: a reader who finds another looked at mirror and journal
// at different times, and looks again. ok is false where nothing can be told: a
// later recording was made without the journal.
func (c *Content) Holding(row int64, known bool) (seq int64, o Observation, exact, ok bool) {
	t, ok := c.Header.Holding(row, known)
	return t.Seq, t.Observed, ok && (t.Seq == row || !known && t.Seq == 0), ok
}

// baseOf returns what the mirror has of a series as of a recording.
func (s *ReadSlot) baseOf(seq int64) (Value, bool) {
	i := s.Latest(seq)
	if i < 0 || s.unclear && s.Bases[i].seq != seq {
		return Value{}, false
	}
	return s.Bases[i].value, true
}

// Latest returns which base is that of a recording or of the last one before it, -1
// where none is.
func (s *ReadSlot) Latest(seq int64) int {
	best := -1
	for i, b := range s.Bases {
		if b.seq <= seq && (best < 0 || b.seq > s.Bases[best].seq) {
			best = i
		}
	}
	return best
}

// Differences returns what the journal holds beyond a recording. What is not sound
// is left out, and said in Damage.
func (c *Content) Differences(seq int64) []Difference {
	var list []Difference
	for i := range c.Slots {
		if d, ok := c.difference(&c.Slots[i], seq); ok {
			list = append(list, d)
		}
	}
	return list
}

func (c *Content) difference(s *ReadSlot, seq int64) (Difference, bool) {
	shape, m := s.Place.Shape, s.series.Metric
	base, ok := s.baseOf(seq)
	if !ok {
		c.damaged("no base of %q for recording %d", m.Name, seq)
		return Difference{}, false
	}
	d, ok := shape.Minus(s.Value, base, m.Monotonic)
	if !ok {
		c.damaged("%q is behind what was recorded of it", m.Name)
		return Difference{}, false
	}
	if shape.IsZero(&d) {
		return Difference{}, false
	}
	return Difference{Series: s.series, Delta: shape.SeriesValue(&d, m.Bounds), State: d.State, Moves: d.Moves}, true
}

// IsLeft reports whether the writer ended well and left everything to be recovered.
func (c *Content) IsLeft() bool { return c.Header.Tags[0].Left || c.Header.Tags[1].Left }

// Count returns how many series the journal has.
func (c *Content) Count() int { return len(c.Slots) }
