package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/fleet"
)

// rounds is how often everything is killed. OTELUSAGE_ROUNDS sets another number.
func rounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("OTELUSAGE_ROUNDS")
	if text == "" {
		return 2
	}
	n, err := strconv.Atoi(text)
	must(t, err)
	return n
}

// The aggregate is what the archives say, after anything: gateways and the
// aggregator are killed, restarted and replaced by new ones with nothing, the
// disk is full, files are rotated, and what was being written is cut. The archives
// have what the installations sent, of which nothing that was accepted is missing.
func TestAggregateIsWhatTheArchivesSay(t *testing.T) {
	collector(t)
	all := make(map[string]int)
	n := rounds(t)
	for round := range n {
		t.Run(strconv.Itoa(round), func(t *testing.T) {
			s := newSite(t, uint64(round))
			r := s.simulate(1500, 12)
			want, sums := s.archived(false)
			series := s.agrees(want)
			must(t, s.aggregator.Kill())
			s.aggregator = s.newAggregator()
			s.agrees(want)

			once, deduplicated := s.archived(true)
			must(t, fleet.Compare(once, r.Sent))
			files, err := filepath.Glob(s.archives())
			must(t, err)
			for event, times := range s.happened {
				all[event] += times
			}
			all["files"] += len(files)
			all["cut requests"] += sums.Unread
			all["points sent again"] += deduplicated.Resends
			t.Logf("%d requests, %v: %d series in %d files differ by 0", r.Requests, s.happened, series, len(files))
		})
	}
	t.Logf("%d rounds: %v", n, all)
}
