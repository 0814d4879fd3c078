package deaths

import (
	"bytes"
	"errors"
	"os"
	"testing"
)

// mode is how a program starts: on a mirror that it opens, or beside one that it
// leaves asleep.
type mode string

const (
	awake  mode = "awake"
	asleep mode = "asleep"
)

var modes = []mode{awake, asleep}

// prepare makes the next programs start in the mode. The function that it returns
// checks that they did, and did not open the mirror later.
func (m mode) prepare(t testing.TB, mirror string) (check func()) {
	t.Helper()
	if m == awake {
		must(t, os.RemoveAll(mirror+".warm"))
		return func() {}
	}
	u := startHere(t, mirror)
	_, err := declare(u.Tracker())
	must(t, errors.Join(err, u.Close()))
	was := readCache(t, mirror)
	return func() {
		t.Helper()
		if now := readCache(t, mirror); len(was) == 0 || !bytes.Equal(was, now) {
			t.Errorf("the mirror was not left asleep: a cache of %d bytes before, %d after", len(was), len(now))
		}
	}
}

// readCache returns what tells one cache from another.
func readCache(t testing.TB, mirror string) []byte {
	t.Helper()
	b, err := os.ReadFile(mirror + ".warm")
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return bytes.TrimRight(b, "\x00")
}
