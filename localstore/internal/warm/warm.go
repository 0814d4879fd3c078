package warm

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
)

const (
	magic      = "OTUwarm\n"
	format     = 1
	headerSize = 64
	stampAt    = headerSize
	stampSize  = 64
	contentAt  = stampAt + stampSize

	// MaxContent bounds a cache: reading a longer one costs more than it spares.
	MaxContent = 64 << 10
)

// ErrNone is returned where there is no cache that can be used.
var ErrNone = errors.New("warm: no cache")

// ErrTooLarge is returned for a content that is not kept.
var ErrTooLarge = errors.New("warm: content is too large")

// Path returns where the cache of a mirror lies.
func Path(mirror string) string { return mirror + ".warm" }

var order = journalfile.Order

// header is what the first bytes say. A cache is known by its nonce, which is not 0.
type header struct {
	length   int
	nonce    uint64
	checksum uint32 // of the content
}

func (h header) encode() []byte {
	b := make([]byte, headerSize)
	copy(b, magic)
	order.PutUint32(b[8:], format)
	order.PutUint32(b[12:], uint32(h.length))
	order.PutUint64(b[16:], h.nonce)
	order.PutUint32(b[24:], h.checksum)
	order.PutUint32(b[28:], journalfile.Checksum(b[:28]))
	return b
}

func parse(b []byte) (h header, ok bool) {
	if len(b) < headerSize || string(b[:8]) != magic || order.Uint32(b[8:]) != format ||
		order.Uint32(b[28:]) != journalfile.Checksum(b[:28]) {
		return h, false
	}
	h = header{length: int(order.Uint32(b[12:])), nonce: order.Uint64(b[16:]), checksum: order.Uint32(b[24:])}
	return h, h.nonce != 0 && h.length <= MaxContent
}

// open returns a file that may be a cache, open for writing: nobody trusts one that
// could not be taken away.
func open(mirror string) (*os.File, error) {
	f, err := journalfile.OpenFile(Path(mirror), true)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	return f, nil
}

// Cache is the cache of a mirror, which is open.
type Cache struct {
	Content []byte
	Nonce   uint64

	file *os.File
	info os.FileInfo
	path string
}

// Open returns the cache of a mirror.
func Open(mirror string) (*Cache, error) {
	f, info, err := journalfile.OpenInfo(Path(mirror), true)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	c := &Cache{file: f, info: info, path: Path(mirror)}
	if err := c.read(mirror); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Cache) read(mirror string) error {
	b := make([]byte, min(c.info.Size(), contentAt+MaxContent))
	n, err := c.file.ReadAt(b, 0)
	h, ok := parse(b[:n])
	if !ok || n < contentAt+h.length {
		return errors.Join(ErrNone, err)
	}
	c.Content, c.Nonce = b[contentAt:contentAt+h.length], h.nonce
	looks, err := lookOf(mirror)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrNone, err)
	case journalfile.Checksum(c.Content) != h.checksum:
		return fmt.Errorf("%w: it is being written", ErrNone)
	case string(b[stampAt:contentAt]) != string(looks.stamp(h.nonce)):
		return fmt.Errorf("%w: the database is not the one that was closed", ErrNone)
	}
	return nil
}

// IsCurrent is the function of that name, while the cache is open.
func (c *Cache) IsCurrent() bool {
	at, err := os.Lstat(c.path)
	return err == nil && os.SameFile(c.info, at) && held(c.file) == c.Nonce
}

// Close lets go of the file.
func (c *Cache) Close() { _ = c.file.Close() } // nothing was written

// IsCurrent reports whether the mirror still is what a cache says: nobody changed it
// since that was read, and nobody is about to commit a change.
func IsCurrent(mirror string, nonce uint64) bool {
	f, err := open(mirror)
	if err != nil {
		return false
	}
	defer f.Close()
	return held(f) == nonce && nonce != 0
}

// held returns the nonce of the cache in a file, 0 for none.
func held(f *os.File) uint64 {
	b := make([]byte, headerSize)
	if _, err := f.ReadAt(b, 0); err != nil {
		return 0
	}
	h, _ := parse(b)
	return h.nonce
}

// Write puts a cache in the place of the former one, without its stamp. The caller
// has the mirror's write lock, and called [Retire] under it.
func Write(mirror string, content []byte) (nonce uint64, err error) {
	if len(content) > MaxContent {
		return 0, ErrTooLarge
	}
	f, err := journalfile.OpenFile(Path(mirror), true)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = journalfile.CreateFile(Path(mirror))
	}
	if err != nil {
		return 0, fmt.Errorf("write cache: %w", err)
	}
	nonce, err = write(f, content)
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, fmt.Errorf("write cache: %w", err)
	}
	return nonce, nil
}

func write(f *os.File, content []byte) (nonce uint64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	end := int64(contentAt + len(content))
	if err := journalfile.MayGrow(end); err != nil {
		return 0, err
	}
	if err := journalfile.WriteZeros(f, 0, contentAt); err != nil {
		return 0, err
	}
	if _, err := f.WriteAt(content, contentAt); err != nil {
		return 0, err
	}
	if rest := info.Size() - end; rest > 0 { // what a longer one said
		if err := journalfile.WriteZeros(f, end, info.Size()); err != nil {
			return 0, err
		}
	}
	h := header{length: len(content), nonce: newNonce(), checksum: journalfile.Checksum(content)}
	_, err = f.WriteAt(h.encode(), 0)
	return h.nonce, err
}

func newNonce() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return order.Uint64(b[:]) | 1
}

// Stamp makes a cache valid for the database as it looks now. The caller has closed
// it. A cache that was retired or replaced since it was written stays as it is.
func Stamp(mirror string, nonce uint64) error {
	looks, err := lookOf(mirror)
	if err != nil {
		return fmt.Errorf("stamp cache: %w", err)
	}
	f, err := open(mirror)
	if err != nil {
		return fmt.Errorf("stamp cache: %w", err)
	}
	defer f.Close()
	if held(f) != nonce {
		return nil
	}
	// If the cache is replaced now, its own stamp is written later, or it has none
	// that matches its nonce.
	if _, err = f.WriteAt(looks.stamp(nonce), stampAt); err != nil {
		return fmt.Errorf("stamp cache: %w", err)
	}
	return nil
}
