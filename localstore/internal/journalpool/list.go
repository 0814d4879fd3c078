package journalpool

import (
	"errors"
	"hash/maphash"
	"io/fs"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
)

// Standing is what a journal is to whoever looks at it.
type Standing uint8

// The standings.
const (
	Empty   Standing = iota // it waits for the next run
	Living                  // a process counts into it
	Dead                    // its process has ended, and what it counted waits
	Newer                   // of a later version of this package
	Strange                 // something else, another user's, or unreadable
)

func (s Standing) String() string {
	switch s {
	case Empty:
		return "empty"
	case Living:
		return "living"
	case Dead:
		return "dead"
	case Newer:
		return "newer"
	}
	return "strange"
}

// Found is a journal of a mirror.
type Found struct {
	Index    int // in the pool, from 0
	Path     string
	Standing Standing
	Size     int64
	Content  *journalfile.Content // of a living or a dead one, where it can be read
	Err      error                // why it is strange, or cannot be read

	Bytes []byte // of one that may be inherited, in a short list
}

// List looks at the journals of a mirror. It writes nothing and takes no lock that
// a process which starts would wait for.
func List(mirror string) []Found {
	var list []Found
	for i, may := range Present(mirror) {
		if !may {
			continue
		}
		if found, ok := Look(Path(mirror, i)); ok {
			found.Index = i
			list = append(list, found)
		}
	}
	return list
}

// ListShort is List for a start, which is to be quick. It ends where many names in a
// row are free: processes take the first that is. Whoever removed so many by hand has
// more of them to be found by a recovery alone.
func ListShort(mirror string) (list []Found) {
	var r reader
	free := 0
	for i := 0; i < Size && free < mostFree; i++ {
		found, ok := r.look(Path(mirror, i))
		if !ok {
			free++
			continue
		}
		free, found.Index = 0, i
		if found.Standing == Dead && found.Content.IsInheritable() {
			found.Bytes, r.buffer = r.buffer, nil
		}
		list = append(list, found)
	}
	return list
}

// mostFree is how many free names end a short list.
const mostFree = 2

// Look looks at one journal; ok is false where there is none.
func Look(path string) (found Found, ok bool) { return new(reader).look(path) }

// reader reads journals one after the other.
type reader struct {
	buffer []byte // of which nothing is kept
	memo   journalfile.Memo
}

func (r *reader) look(path string) (found Found, ok bool) {
	f, info, err := journalfile.OpenInfo(path, false)
	if errors.Is(err, fs.ErrNotExist) {
		return Found{}, false
	}
	found = Found{Path: path, Standing: Strange, Err: err}
	if err != nil {
		return found, true
	}
	defer func() { _ = f.Close() }() // nothing was written
	found.Size = info.Size()
	living, err := journalfile.Owned(f)
	if err != nil {
		found.Err = err
		return found, true
	}
	found.Content, err = r.read(f, found.Size)
	switch {
	case errors.Is(err, journalfile.ErrEmpty):
		found.Standing = Empty
	case errors.Is(err, journalfile.ErrNewerFormat):
		found.Standing, found.Err = Newer, err
	case err != nil:
		found.Err = err
	default:
		found.Standing = Dead
	}
	if living {
		found.Standing = Living
	}
	return found, true
}

var revisionSeed = maphash.MakeSeed()

// Revision returns a number that is another one after every change of a mirror's
// journals, within this process. The times of files are too coarse to tell.
func Revision(mirror string) uint64 {
	var h maphash.Hash
	h.SetSeed(revisionSeed)
	for i, may := range Present(mirror) {
		if !may {
			continue
		}
		f, err := journalfile.OpenFile(Path(mirror, i), false)
		if err != nil {
			continue // whatever it is, nothing is read of it
		}
		if b, err := journalfile.ReadWhole(f); err == nil {
			_ = h.WriteByte(byte(i)) // never fails
			_, _ = h.Write(b)
		}
		_ = f.Close() // nothing was written
	}
	return h.Sum64()
}

// looks is how often a journal is read that is written meanwhile.
const looks = 5

// Read reads a file until no recording begins meanwhile, and what is being written
// is whole.
func Read(f journalfile.File) (*journalfile.Content, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return new(reader).read(f, info.Size())
}

// read has the size that the file had a moment ago.
func (r *reader) read(f journalfile.File, size int64) (c *journalfile.Content, err error) {
	for range looks {
		if r.buffer, err = journalfile.ReadSized(f, size, r.buffer); err != nil {
			return nil, err
		}
		if c, err = r.memo.Parse(r.buffer); err != nil {
			return nil, err
		}
		still, err := journalfile.IsStill(f, r.buffer)
		if err != nil {
			return nil, err
		}
		if still && len(c.Damage) == 0 {
			break
		}
		if info, err := f.Stat(); err == nil {
			size = info.Size()
		}
	}
	return c, nil
}
