package warm

import (
	"errors"
	"io/fs"
	"os"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
)

// look is how the files of a database look to whoever does not open them.
type look struct {
	size, changed       int64
	logSize, logChanged int64 // of the write-ahead log; -1 where there is none
	first, second       uint64
}

// lookOf looks at a database. The path is that of the file itself.
func lookOf(mirror string) (l look, err error) {
	file, err := os.Lstat(mirror)
	if err != nil {
		return l, err
	}
	l = look{size: file.Size(), changed: file.ModTime().UnixNano(), logSize: -1}
	l.first, l.second = identify(mirror, file)
	switch log, err := os.Lstat(mirror + "-wal"); {
	case err == nil && log.Size() == 0: // nothing was written since somebody opened the database
	case err == nil:
		l.logSize, l.logChanged = log.Size(), log.ModTime().UnixNano()
	case !errors.Is(err, fs.ErrNotExist):
		return l, err
	}
	return l, nil
}

// stamp returns a look as it is written for a cache.
func (l look) stamp(nonce uint64) []byte {
	b := make([]byte, stampSize)
	order.PutUint64(b, nonce)
	for i, n := range [...]uint64{uint64(l.size), uint64(l.changed), uint64(l.logSize), uint64(l.logChanged), l.first, l.second} {
		order.PutUint64(b[8+8*i:], n)
	}
	order.PutUint32(b[56:], journalfile.Checksum(b[:56]))
	return b
}
