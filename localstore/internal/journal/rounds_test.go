package journal

import (
	"os"
	"strconv"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
)

// fixPreamble seals a preamble that was changed.
func fixPreamble(b []byte) {
	journalfile.Order.PutUint32(b[12:], journalfile.Checksum(b[:12]))
}

const killsEnv = "OTELUSAGE_KILLS" // how often, for more than each run of the tests has time for

// rounds is how many rounds of a test there are.
func rounds(usual int) int {
	if n, err := strconv.Atoi(os.Getenv(killsEnv)); err == nil {
		return n
	}
	return usual
}
