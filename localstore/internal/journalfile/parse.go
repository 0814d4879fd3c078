package journalfile

import (
	"fmt"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Parse reads a whole file.
func Parse(b []byte) (*Content, error) { return new(Memo).Parse(b) }

// Parse is the function of that name, for one of several files.
func (m *Memo) Parse(b []byte) (*Content, error) {
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
	p := parser{content: c, b: b, memo: m, resources: make(map[int64]*series.Resource), metrics: make(map[int64]metricOf)}
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
	c.identities = p.found
	return c, nil
}

// parser goes through the identities, which say where everything else is.
type parser struct {
	content   *Content
	b         []byte
	memo      *Memo
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
	last := at + withoutZeros(p.b[at:end])
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
	p.content.identitiesEnd = max(p.content.identitiesEnd, int64(at+size))
	p.last = max(p.last, int(Order.Uint32(b[8:])>>8)+1)
	if !p.take(int64(at), RecordType(b[8]), int64(Order.Uint64(b[16:])), b[RecordHead:RecordHead+int(length)]) {
		p.content.damaged("identity at %d says nothing", at)
	}
	return size, true
}

func (p *parser) take(at int64, t RecordType, parent int64, payload []byte) (ok bool) {
	switch t {
	case RecordResource:
		r, ok := p.memo.resource(payload)
		if ok {
			p.resources[at] = r
		}
		return ok
	case RecordMetric:
		m, ok := p.memo.metric(payload)
		r := p.resources[parent]
		if ok && r != nil {
			p.metrics[at] = metricOf{m, r}
		}
		return ok && r != nil
	case RecordSeries:
		place, set, ok := decodeSeries(payload, p.memo)
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
