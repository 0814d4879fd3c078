package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/fleet"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/otelcol"
)

// rounds is how often everything is killed. OTELUSAGE_ROUNDS sets another number.
func rounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("OTELUSAGE_ROUNDS")
	if text == "" {
		return 1
	}
	n, err := strconv.Atoi(text)
	must(t, err)
	return n
}

// The aggregate is what the archives say, after anything: gateways and the
// aggregator are killed, restarted and replaced by new ones with nothing, the
// disk is full, files are rotated, what was being written is cut, and checkpoints
// are made, also by a process that is killed. Nothing that was accepted is missing
// in the archives, and where all files have checkpoints nothing is counted twice.
func TestAggregateIsWhatTheArchivesSay(t *testing.T) {
	collector(t)
	all := make(map[string]int)
	n := rounds(t)
	for round := range n {
		t.Run(strconv.Itoa(round), func(t *testing.T) {
			s := newSite(t, uint64(round))
			r := s.simulate(1500, 14)
			series := s.agrees(s.read())
			archived, sums := s.archived(false)
			s.restart()
			s.agrees(archived)
			s.restart(s.checkpoint())
			s.agrees(s.read())
			once, deduplicated := s.archived(true)
			must(t, fleet.Compare(once, r.Sent))

			// All files are full, so all are added up without resends: what the
			// aggregator shows is what the installations sent.
			s.fillAll()
			s.restart(s.checkpoint())
			s.agrees(r.Sent)
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

// One Collector alone shows after a kill what it showed before, states too, and what
// arrives then.
func TestKilledProductionComesBack(t *testing.T) {
	at := addresses(t)
	p, err := otelcol.Start(t.Context(), collector(t), at, []string{base})
	must(t, err)
	c := fleet.Config{Installations: 100, Seed: 3, Until: time.Now()}
	r, err := fleet.Run(t.Context(), p.URL(), c)
	must(t, err)
	shows(t, p, r.Sent.Plotted(time.Now()))
	must(t, p.Kill())

	p = start(t, at, []string{base})
	shows(t, p, r.Sent.Plotted(time.Now()))
	c.Seed++
	later, err := fleet.Run(t.Context(), p.URL(), c)
	must(t, err)
	r.Sent.Merge(later.Sent)
	shows(t, p, r.Sent.Plotted(time.Now()))
}

// begins is what a request is found by. Where a write is cut exactly behind it, the
// Collector does not find the one that follows: it takes matches that touch for one.
const begins = `{"resourceMetrics":[`

// Wherever else a write is cut, the Collector finds the request that follows it,
// and takes what is complete as package archive does.
func TestWhatIsCutHidesNothing(t *testing.T) {
	collector(t)
	s := newSite(t, 1)
	s.simulate(1, 0)
	s.fillAll()
	files, err := filepath.Glob(s.archives())
	must(t, err)
	content, err := os.ReadFile(files[0])
	must(t, err)
	line, _, _ := strings.Cut(string(content), "\n")
	var cut strings.Builder
	for i := 0; i <= len(line); i++ {
		if i == len(begins) {
			continue
		}
		if i > 2*len(begins) && i < len(line)-2*len(begins) {
			i += 6 // one place is like the next
		}
		cut.WriteString(line[:i])
		cut.WriteString(line + "\n")
	}
	must(t, os.WriteFile(filepath.Join(s.disk, "usage-cut.jsonl"), []byte(cut.String()), 0o600))
	want, sums := s.archived(false)
	if sums.Unread < len(line)/10 || sums.Requests < sums.Unread {
		t.Errorf("%d requests are cut and %d are not, of %d", sums.Unread, sums.Requests, len(line))
	}
	s.restart()
	s.agrees(want)
}

// A request of which a part can be read is not taken before the rest is there.
func TestHalfARequestIsAwaited(t *testing.T) {
	collector(t)
	s := newSite(t, 2)
	s.simulate(1, 0)
	s.fillAll()
	want, _ := s.archived(false)
	files, err := filepath.Glob(s.archives())
	must(t, err)
	content, err := os.ReadFile(files[0])
	must(t, err)
	half := len(content) - 1000 // within the last request
	must(t, os.WriteFile(files[0], content[:half], 0o600))
	s.overlays["aggregator"] = "yaml:receivers: {otlp_json_file: {poll_interval: 20ms, force_flush_period: 10m}}"
	s.restart()
	select { // until it has looked a few times
	case <-time.After(300 * time.Millisecond):
	case <-t.Context().Done():
	}
	f, err := os.OpenFile(files[0], os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.Write(append(content[half:], begins...)) // what follows says where it ends
	must(t, errors.Join(err, f.Close()))
	s.agrees(want)
}
