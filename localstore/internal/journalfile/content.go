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

// Parse reads a whole file.
func Parse(b []byte) (*Content, error) {
	h, err := parseHeader(b)
	switch {
	case err != nil:
		return nil, err
	case h.Zero && !HoldsNothing(b):
		return nil, fmt.Errorf("%w: its header is gone", ErrDamaged)
	case h.Zero || h.Run.Nonce == 0:
		return nil, ErrEmpty
	}
	c := &Content{
		Mirror: h.Run.Mirror, Writer: h.Run.Writer, PID: h.Run.Pid, Started: time.Unix(0, h.Run.Started).UTC(),
		Superseded: h.Marked, Header: h,
	}
	for _, part := range h.Damage {
		c.damaged("%s", part)
	}
	p := parser{content: c, b: b, resources: make(map[int64]*series.Resource), metrics: make(map[int64]metricOf)}
	for at := HeaderSize; at < len(b); {
		size, ok := decodeChunk(h.Run.Nonce, int64(at), b[at:])
		if ok {
			p.records(at+ChunkHead, min(at+size, len(b)))
			at += size
			continue
		}
		p.strays(at, min(at+PageSize, len(b)))
		at += PageSize
	}
	if n := max(p.last, h.Tags[0].Records, h.Tags[1].Records) - p.found; n > 0 {
		c.damaged("%d identities are missing", n)
	}
	return c, nil
}

// parser goes through the identities, which say where everything else is.
type parser struct {
	content   *Content
	b         []byte
	resources map[int64]*series.Resource
	metrics   map[int64]metricOf
	found     int // identities
	last      int // the number of the last one
}

type metricOf struct {
	metric   *series.Metric
	resource *series.Resource
}

// records reads an extent of identities. Behind one that is damaged it looks for
// the next.
func (p *parser) records(at, end int) {
	last := end
	for last > at && p.b[last-1] == 0 {
		last--
	}
	for lost := false; at < last; {
		size, ok := p.record(at, end)
		if ok {
			at, lost = at+size, false
			continue
		}
		if next := (at/PageSize + 1) * PageSize; IsZero(p.b[at:min(next, end)]) {
			at = next // the next one had no room in this page
			continue
		}
		if !lost {
			p.content.damaged("identity at %d", at)
			lost = true
		}
		at += 8
	}
}

// strays reads the identities of an extent that does not say what it is.
func (p *parser) strays(at, end int) {
	for at < end {
		if size, ok := p.record(at, len(p.b)); ok {
			at += size
			continue
		}
		at += 8
	}
}

// record reads one; ok is false where there is none.
func (p *parser) record(at, end int) (size int, ok bool) {
	b := p.b[at:end]
	if len(b) < RecordHead || Order.Uint32(b[4:]) != RecordMagic {
		return 0, false
	}
	length := Order.Uint32(b[12:])
	if length > maxChunk || Align(RecordHead+int(length)) > len(b) {
		return 0, false
	}
	size = Align(RecordHead + int(length))
	if !Sealed(p.content.Header.Run.Nonce, int64(at), b[:size]) {
		return 0, false
	}
	p.found++
	p.last = max(p.last, int(Order.Uint32(b[8:])>>8)+1)
	if !p.take(int64(at), RecordType(b[8]), int64(Order.Uint64(b[16:])), b[RecordHead:RecordHead+int(length)]) {
		p.content.damaged("identity at %d says nothing", at)
	}
	return size, true
}

func (p *parser) take(at int64, t RecordType, parent int64, payload []byte) (ok bool) {
	switch t {
	case RecordResource:
		r, ok := decodeResource(payload)
		if ok {
			p.resources[at] = r
		}
		return ok
	case RecordMetric:
		m, ok := decodeMetric(payload)
		r := p.resources[parent]
		if ok && r != nil {
			p.metrics[at] = metricOf{m, r}
		}
		return ok && r != nil
	case RecordSeries:
		place, set, ok := decodeSeries(payload)
		m, known := p.metrics[parent]
		if !ok || !known || !place.fits(m.metric) {
			return false
		}
		p.slot(place, &series.Series{Resource: m.resource, Metric: m.metric, Attributes: set})
		return true
	}
	return false
}

// slot reads the value and the bases of a series.
func (p *parser) slot(at Place, s *series.Series) {
	c, nonce := p.content, p.content.Header.Run.Nonce
	b, ok := p.cell(at.Value, at.Shape.ValueSize())
	if ok {
		ok = Sealed(nonce, at.Value, b)
	}
	read := ReadSlot{Place: at, series: s}
	if ok {
		read.Value, ok = at.Shape.decode(b[CellHead:])
	}
	if !ok {
		c.damaged("value of %q at %d", s.Metric.Name, at.Value)
		return
	}
	for i := range 2 {
		offset := at.Base + int64(i*at.Shape.BaseStride())
		b, ok := p.cell(offset, at.Shape.BaseSize())
		if ok && IsZero(b) {
			continue
		}
		base := readBase{At: i}
		if ok && Sealed(nonce, offset, b) {
			base.seq = int64(Order.Uint64(b[8:]))
			base.value, ok = at.Shape.ofBase().decode(b[baseHead:])
			base.value.Moves = base.value.Int // of a State
		} else {
			ok = false
		}
		if !ok || base.seq < 0 {
			c.damaged("base %d of %q at %d", i, s.Metric.Name, offset)
			read.unclear = true
			continue
		}
		read.Bases = append(read.Bases, base)
	}
	c.Slots = append(c.Slots, read)
}

func (p *parser) cell(offset int64, size int) ([]byte, bool) {
	if offset < HeaderSize || offset > int64(len(p.b)-size) {
		return nil, false
	}
	return p.b[offset : offset+int64(size)], true
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

// decodeChunk returns the size of the extent of identities that begins at a page.
func decodeChunk(nonce uint64, offset int64, b []byte) (size int, ok bool) {
	if len(b) < ChunkHead || Order.Uint32(b[4:]) != ChunkMagic || !Sealed(nonce, offset, b[:ChunkHead]) {
		return 0, false
	}
	n := Order.Uint64(b[8:])
	if n < PageSize || n > maxChunk || n%PageSize != 0 {
		return 0, false
	}
	return int(n), true
}
