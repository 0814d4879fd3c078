package localstore

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestEraseReachesWhatWasDroppedBefore: what went before Erase, a payload that
// was trimmed or history that expired, lies in pages that SQLite keeps free.
func TestEraseReachesWhatWasDroppedBefore(t *testing.T) {
	if testing.Short() {
		t.Skip("records a thousand times")
	}
	s, _ := fresh(t)
	w := newWriter(t, s)
	r := version("1")
	for i := range 20 + 5 { // payloads of 20 are kept
		for j := range 40 {
			name := fmt.Sprintf("%s_%d_%s", "forgotten", j, strings.Repeat("x", 100))
			if i == 0 {
				name += "_" + secret
			}
			record(t, w, add(statistic(r, name), 1))
		}
		submit(t, s)
	}
	if !bytes.Contains(bytesOf(t, s.Path()), []byte(secret)) {
		t.Fatal("the mirror does not hold what is to be erased")
	}
	if free, err := s.db.Conn.Pragma("freelist_count"); err != nil || free == 0 {
		t.Fatalf("%d free pages, %v: the test shows nothing", free, err)
	}
	erase(t, s)
	forgotten(t, s, secret, "forgotten")
}
