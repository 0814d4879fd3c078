package journal

import (
	"errors"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
)

// extent is a part of the file in which things of one kind lie, and what was
// written there: whoever writes a range of it writes back what others wrote.
type extent struct {
	offset int64
	data   []byte
	used   int

	from, to int // what was changed and not written yet; nothing where they are equal
}

func (e *extent) touch(from, to int) {
	if e.from == e.to {
		e.from, e.to = from, to
		return
	}
	e.from, e.to = min(e.from, from), max(e.to, to)
}

// area is all extents of one kind. Only the newest has room.
type area struct {
	first int // size of the first extent
	list  []*extent
}

// room returns where size bytes fit: in one page, or from the beginning of one on
// where they are longer.
func (e *extent) room(size int) (at int, ok bool) {
	at = e.used
	if at%journalfile.PageSize > 0 && at%journalfile.PageSize+size > journalfile.PageSize {
		at = (at/journalfile.PageSize + 1) * journalfile.PageSize
	}
	return at, at+size <= len(e.data)
}

// place finds room in an area, growing the file where there is none.
func (j *Journal) place(a *area, size int) (*extent, int, error) {
	if n := len(a.list); n > 0 {
		if at, ok := a.list[n-1].room(size); ok {
			a.list[n-1].used = at + size
			return a.list[n-1], at, nil
		}
	}
	want := journalfile.GrownSize
	if len(a.list) == 0 {
		want = a.first
	}
	head := 0
	if a == &j.identities {
		head = journalfile.ChunkHead
	}
	if head+size > want { // from the second page on
		want = (2*journalfile.PageSize + size - 1) / journalfile.PageSize * journalfile.PageSize
	}
	e := &extent{offset: j.end, data: make([]byte, want), used: head}
	if err := j.grow(e.offset + int64(want)); err != nil {
		return nil, 0, err
	}
	if head > 0 {
		encodeChunk(j.run.Nonce, e)
		if _, err := j.file.WriteAt(e.data[:journalfile.ChunkHead], e.offset); err != nil {
			return nil, 0, err
		}
		if n := len(a.list); n > 0 {
			a.list[n-1].data = a.list[n-1].data[:0:0] // nobody writes there again
			a.list = a.list[:0]
		}
	}
	j.end += int64(want)
	a.list = append(a.list, e)
	at, _ := e.room(size)
	e.used = at + size
	return e, at, nil
}

// grow makes the file longer. A disk that is full is asked once between two
// recordings.
func (j *Journal) grow(end int64) error {
	switch {
	case end <= j.zeroed:
		return nil
	case j.full != nil:
		return errFull
	}
	if err := journalfile.WriteZeros(j.file, j.zeroed, end); err != nil {
		j.full = fmt.Errorf("extend journal: %w", err)
		return errFull
	}
	j.zeroed = end
	return nil
}

// errFull is met where there is no room for another series. Those that have a place
// are kept.
var errFull = errors.New("journal: no room")

// encodeChunk writes what an extent of identities begins with, by which a reader
// finds it wherever it is.
func encodeChunk(nonce uint64, e *extent) {
	b := e.data[:journalfile.ChunkHead]
	journalfile.Order.PutUint32(b[4:], journalfile.ChunkMagic)
	journalfile.Order.PutUint64(b[8:], uint64(len(e.data)))
	journalfile.Seal(nonce, e.offset, b)
}

// flush writes what was changed in an extent. With byPage no write crosses a page.
func (j *Journal) flush(e *extent, byPage bool) error {
	for e.from < e.to {
		to := e.to
		if byPage {
			to = min(to, (e.from/journalfile.PageSize+1)*journalfile.PageSize)
		}
		if _, err := j.file.WriteAt(e.data[e.from:to], e.offset+int64(e.from)); err != nil {
			return err
		}
		e.from = to
	}
	e.from, e.to = 0, 0
	return nil
}

func (j *Journal) flushArea(a *area, byPage bool) error {
	for _, e := range a.list {
		if err := j.flush(e, byPage); err != nil {
			return err
		}
	}
	return nil
}

// flushAll writes what was changed: an identity comes last, because it says that
// the rest is there.
func (j *Journal) flushAll() error {
	for _, a := range [...]struct {
		area   *area
		byPage bool
	}{{&j.values, true}, {&j.bases, false}, {&j.identities, false}} {
		if err := j.flushArea(a.area, a.byPage); err != nil {
			return err
		}
	}
	return nil
}
