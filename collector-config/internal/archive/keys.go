package archive

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
)

// keys are those of many points.
type keys map[key]struct{}

// add reports whether a key is new, and adds it.
func (k keys) add(one key) bool {
	if _, ok := k[one]; ok {
		return false
	}
	k[one] = struct{}{}
	return true
}

// write writes eight bytes a key. In order, so that a file of them is the same
// each time.
func (k keys) write(f *os.File) error {
	w := bufio.NewWriter(f)
	for _, one := range slices.Sorted(maps.Keys(k)) {
		if err := binary.Write(w, binary.LittleEndian, uint64(one)); err != nil {
			return err
		}
	}
	return w.Flush()
}

// common adds those that are in a file too.
func (k keys) common(file string, to keys) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r := bufio.NewReader(f)
	var one [8]byte
	for {
		switch _, err := io.ReadFull(r, one[:]); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read keys %s: %w", file, err)
		}
		known := key(binary.LittleEndian.Uint64(one[:]))
		if _, ok := k[known]; ok {
			to[known] = struct{}{}
		}
	}
}
