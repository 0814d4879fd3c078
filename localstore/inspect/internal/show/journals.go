package show

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore/health"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/terminal"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/unrecorded"
)

// journals shows whose journals there are, and what waits in them. Of empty ones it
// says only how many there are.
func journals(s *terminal.Printer, h *health.Health) {
	if len(h.Journals)+h.EmptyJournals == 0 {
		return
	}
	s.Line("")
	s.Title("Journals: what processes counted and nobody recorded yet")
	rows := make([][]string, len(h.Journals))
	for i := range h.Journals {
		j := &h.Journals[i]
		pid, since := "", ""
		if j.PID != 0 {
			pid, since = terminal.Count(j.PID), terminal.When(j.Started)
		}
		rows[i] = []string{terminal.Plain(filepath.Base(j.Path)), owner(j), pid, since, terminal.Nonzero(int64(j.Series)),
			terminal.Nonzero(int64(j.Unrecorded)), terminal.Plain(strings.Join(remarks(j), "; "))}
	}
	if len(rows) > 0 {
		s.Table([]string{"JOURNAL", "OWNER", "PID", "SINCE", "SERIES", "UNRECORDED", "REMARKS"}, rows)
	}
	if h.EmptyJournals > 0 {
		s.Line("  %s empty, for the next runs", terminal.Plural(int64(h.EmptyJournals), "journal"))
	}
}

// owner says whether the process of a journal lives.
func owner(j *health.Journal) string {
	switch j.Standing {
	case journalpool.Living:
		return "running"
	case journalpool.Dead:
		return "ended"
	}
	return "unknown"
}

// faultsShown is how many faults of a journal are shown on its line.
const faultsShown = 3

// remarks says what is to be known of a journal beside what it holds.
func remarks(j *health.Journal) (list []string) {
	if j.Superseded {
		list = append(list, "its process is to read what was decided or erased")
	}
	switch j.Fate {
	case unrecorded.Dropped:
		list = append(list, "what it holds is not to be recorded")
	case unrecorded.Lost:
		list = append(list, "nobody can tell what of it is recorded")
	}
	switch {
	case j.Standing == journalpool.Newer:
		list = append(list, "of a newer version, which alone can record it")
	case errors.Is(j.Err, journalfile.ErrDamaged):
		list = append(list, "DAMAGED: "+j.Err.Error())
	case j.Err != nil:
		list = append(list, j.Err.Error())
	}
	for _, part := range j.Damage[:min(len(j.Damage), faultsShown)] {
		list = append(list, "DAMAGED: "+part)
	}
	if hidden := len(j.Damage) - faultsShown; hidden > 0 {
		list = append(list, terminal.Plural(int64(hidden), "more fault"))
	}
	return list
}
