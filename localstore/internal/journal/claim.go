package journal

import (
	"errors"
	"fmt"
	"os"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// Claimed is the journal of a dead process, locked by whoever recovers it. Its
// methods are not for concurrent use.
type Claimed struct {
	*journalfile.Content
	file journalfile.File
	path string
}

// Claim takes the journal of a dead process to recover what waits in it: until
// Release nobody else does. The error is [ErrLiving] where its process lives or
// another one recovers it, [ErrEmpty] where nothing waits, fs.ErrNotExist where
// there is no file, and [ErrDamaged] where nothing can be told of what waits, which
// Discard makes usable again.
func Claim(path string) (*Claimed, error) { return claim(path, nil) }

func claim(path string, wrap func(*os.File) journalfile.File) (*Claimed, error) {
	f, err := claimFile(path)
	if err != nil {
		return nil, err
	}
	c := &Claimed{file: f, path: path}
	if wrap != nil {
		c.file = wrap(f)
	}
	if c.Content, err = journalpool.Read(c.file); err != nil {
		_ = f.Close() // nothing was written
		return nil, fmt.Errorf("claim %s: %w", path, err)
	}
	return c, nil
}

func claimFile(path string) (*os.File, error) {
	f, err := journalfile.OpenFile(path, true)
	if err != nil {
		return nil, err
	}
	if err := acquireFile(f, path); err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return f, nil
}

// Path returns where the journal lies.
func (c *Claimed) Path() string {
	if c == nil {
		return ""
	}
	return c.path
}

// Begin prepares the recording of all that waits beyond a recording that holds, as
// [Content.Holding] returned it. The number that the transaction is to write is the
// next one, which it returns: whoever recovers again after it finds nothing.
func (c *Claimed) Begin(held int64) (seq int64, err error) {
	if c == nil || c.file == nil {
		return 0, journalfile.ErrClosed
	}
	seq = held + 1
	if err := c.begin(seq, held); err != nil {
		return 0, fmt.Errorf("begin recovery: %w", err)
	}
	return seq, nil
}

func (c *Claimed) begin(seq, held int64) error {
	h := &c.Header
	var was journalfile.Tag
	for _, t := range h.Tags {
		if t.Ok && t.Seq == held {
			was = t
		}
	}
	if _, err := c.file.WriteAt(make([]byte, journalfile.TagSize), journalfile.TagAt(seq)); err != nil {
		return err
	}
	for i := range c.Slots {
		if err := c.putBase(&c.Slots[i], seq, held); err != nil {
			return err
		}
	}
	t := journalfile.Tag{Ok: true, Seq: seq, Observed: was.Observed, Records: was.Records}
	_, err := c.file.WriteAt(t.Encode(h.Run.Nonce), journalfile.TagAt(seq))
	return err
}

// putBase makes the value the base. The one that holds stays.
func (c *Claimed) putBase(s *journalfile.ReadSlot, seq, held int64) error {
	shape := s.Place.Shape
	at := s.Place.Base
	if i := s.Latest(held); i >= 0 && s.Bases[i].At == 0 {
		at += int64(shape.BaseStride())
	}
	b := make([]byte, shape.BaseSize())
	shape.EncodeBase(b, seq, &s.Value)
	journalfile.Seal(c.Header.Run.Nonce, at, b)
	_, err := c.file.WriteAt(b, at)
	return err
}

// Empty leaves the journal to the next run, once what waited is recorded or is not
// to be.
func (c *Claimed) Empty() error { return c.empty(false) }

// Erase is Empty that leaves no byte of what the journal held.
func (c *Claimed) Erase() error { return c.empty(true) }

func (c *Claimed) empty(erase bool) error {
	if c == nil || c.file == nil {
		return journalfile.ErrClosed
	}
	if err := empty(c.file, erase); err != nil {
		return fmt.Errorf("empty %s: %w", c.path, err)
	}
	return nil
}

// Release lets others claim the journal.
func (c *Claimed) Release() {
	if c == nil || c.file == nil {
		return
	}
	_ = c.file.Close() // what was written was written
	c.file = nil
}

// Discard empties a file of which nothing can be told, so that its name is not
// lost to the pool. That of a living process, and one that holds anything that can
// be told, is left alone.
func Discard(path string) error {
	f, err := claimFile(path)
	if err != nil {
		return err
	}
	_, err = journalpool.Read(f)
	switch {
	case errors.Is(err, journalfile.ErrDamaged):
		err = empty(f, true)
	case err == nil:
		err = errWaits
	}
	return errors.Join(err, f.Close())
}
