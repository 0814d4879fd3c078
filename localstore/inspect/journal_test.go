package inspect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/terminal"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journal"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// keeping begins a journal of the recorder's writer.
func (r *recorder) keeping() *journal.Journal {
	r.t.Helper()
	kept, err := r.writer.Keep(journal.Config{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(r.writer.Close)
	return kept
}

// keep counts in a journal, without a recording. Text makes it a State.
func keep(t *testing.T, j *journal.Journal, s *series.Series, n int64, text string) {
	t.Helper()
	var value atomic.Int64
	var gate journal.Flag
	slot, err := j.Add(journal.Kept{Series: s, State: text != "", Gate: &gate, Read: func(v *journalfile.Value) {
		n := value.Load()
		v.Int, v.Moves, v.State, v.Count, v.Float = n, n, text, uint64(n), float64(n)
		if s.Metric.Type == series.TypeHistogram {
			v.Buckets = make([]uint64, len(s.Metric.Bounds)+1)
			v.Buckets[0] = uint64(n)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	value.Add(n)
	slot.Changed()
}

// journaled is a mirror beside which something of each kind waits.
func journaled(t *testing.T) *recorder {
	t.Helper()
	r := newRecorder(t)
	version := resourceOf("1.0")
	quests := newSeries(version, otelusage.KindStatistic, series.Metric{Name: "quests", Type: series.TypeSum})
	r.record(recording.Recording{Changes: []recording.Change{add(quests, 40)}})
	j := r.keeping()
	keep(t, j, newSeries(version, otelusage.KindStatistic, series.Metric{Name: "quests", Type: series.TypeSum}), 2, "")
	keep(t, j, newSeries(version, otelusage.KindTimer, series.Metric{Name: "play", Unit: "s", Type: series.TypeHistogram, Float: true, Bounds: []float64{5}}), 3, "")
	keep(t, j, newSeries(version, otelusage.KindStatistic, series.Metric{Name: "odd" + hostileText, Unit: hostileText, Description: hostileText, Type: series.TypeSum},
		otelusage.StateKey.String(hostileText)), 1, "")
	keep(t, j, newSeries(version, otelusage.KindState, series.Metric{Name: "server" + otelusage.ChangesSuffix, Type: series.TypeSum}, otelusage.StateKey.String(hostileText)), 1, "")
	keep(t, j, newSeries(version, otelusage.KindState, series.Metric{Name: "server", Type: series.TypeGauge}), 1, hostileText)
	return r
}

// printed runs a command as on a terminal.
func printed(t *testing.T, r *recorder, args string) string {
	t.Helper()
	return onTerminal(t.Context(), r.store.Path(), args)
}

// words joins what is in columns.
func words(text string) string { return strings.Join(strings.Fields(text), " ") }

// TestShowSaysWhatWaits: totals have it, and the detail says how much it is.
func TestShowSaysWhatWaits(t *testing.T) {
	r := journaled(t)
	for args, want := range map[string][]string{
		"show":        {"quests 42 +2 ", "play 3 seconds 3 1 second +3 seconds", "counted since and waits in journals"},
		"show quests": {"42, today ", "of that +2 not recorded yet, in the journals of processes", "UNRECORDED", "in 1 export"},
		"show play":   {"3 seconds in 3 runs", "of that 3 seconds in 3 runs not recorded yet", "Distribution of 3 runs"},
		"show server": {"1 change,", "of that +1 not recorded yet"},
		"doctor":      {"UNRECORDED", fmt.Sprint("usage.db.journal-00 running ", os.Getpid()), "it is correct for"},
	} {
		shown := printed(t, r, args)
		for _, text := range want {
			if !strings.Contains(words(shown), text) {
				t.Errorf("%s: no %q in\n%s", args, text, shown)
			}
		}
	}
	for args, not := range map[string]string{"history quests": "+2", "preview": "play", "show nothing": "of that"} {
		if shown := printed(t, r, args); strings.Contains(shown, not) {
			t.Errorf("%s: %q in\n%s", args, not, shown)
		}
	}
	// Without anything that waits there is no word of it.
	r.writer.Close()
	b := newRecorder(t)
	b.record(recording.Recording{Changes: []recording.Change{add(newSeries(resourceOf("1.0"), otelusage.KindStatistic, series.Metric{Name: "quests", Type: series.TypeSum}), 1)}})
	for _, args := range []string{"show", "show quests"} {
		if shown := printed(t, b, args); strings.Contains(strings.ToLower(shown), "recorded yet") || strings.Contains(shown, "UNRECORDED") || strings.Contains(shown, "journal") {
			t.Errorf("%s:\n%s", args, shown)
		}
	}
}

// TestNothingOfAJournalReachesATerminalRaw, whatever it says.
func TestNothingOfAJournalReachesATerminalRaw(t *testing.T) {
	r := journaled(t)
	for _, damaged := range []bool{false, true} {
		if damaged {
			r.writer.Close()
			damage(t, journalpool.Path(r.store.Path(), 0))
		}
		for _, args := range []string{"show", "show --json", "show server", "show server --json", "doctor", "doctor --json", "export json", "export csv", "export report", "history server"} {
			shown := printed(t, r, args)
			if i := strings.IndexFunc(shown, func(c rune) bool { return terminal.Hostile(c) && c != '\n' && c != '\r' && c != '\t' }); i >= 0 {
				t.Errorf("%s: %q", args, shown[max(i-20, 0):min(i+20, len(shown))])
			}
		}
	}
	if shown := printed(t, r, "doctor"); !strings.Contains(shown, "DAMAGED") || !strings.Contains(shown, "ended") || !strings.Contains(shown, `red\a`) {
		t.Errorf("doctor:\n%s", shown)
	}
}

// damage spoils the values and the bases of a journal. What is said of it names them.
func damage(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for page := range slices.Chunk(b[4096:], 4096) {
		if bytes.Contains(page, []byte("OTUr")) {
			continue // it has the names
		}
		for i := range page {
			if page[i] != 0 {
				page[i] ^= 0xff
			}
		}
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDoctorListsJournals: each with its owner, what it holds and what is to be known
// of it, and the empty ones as a number. None makes the mirror unsound.
func TestDoctorListsJournals(t *testing.T) {
	r := journaled(t)
	path := r.store.Path()
	if err := journal.Supersede(path); err != nil {
		t.Fatal(err)
	}
	for i, content := range map[int][]byte{1: make([]byte, 4096), 2: append(bytes.Repeat([]byte{1}, 4096), 1)} {
		if err := os.WriteFile(journalpool.Path(path, i), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(journalpool.Path(path, 3), 0o700); err != nil {
		t.Fatal(err)
	}
	shown := printed(t, r, "doctor")
	for _, want := range []string{
		"usage.db.journal-00  running", "its process is to read what was decided or erased",
		"usage.db.journal-02  unknown", "DAMAGED: ", "usage.db.journal-03  unknown", "no regular file", "1 journal empty",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("no %q in\n%s", want, shown)
		}
	}
	var out bytes.Buffer
	if code := Run(t.Context(), []string{"doctor", "--json"}, Options{File: path, Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" }}); code != exitDone {
		t.Errorf("code %d: %s", code, &out)
	}
	var document struct {
		Journals []struct {
			Standing, Error, Fate string
			PID                   int
			Superseded            bool
			Series, Unrecorded    int
		}
		Empty int `json:"empty_journals"`
	}
	if err := json.Unmarshal(out.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	if first := document.Journals[0]; len(document.Journals) != 3 || document.Empty != 1 || first.Standing != "living" || first.PID != os.Getpid() || !first.Superseded ||
		first.Series != 5 || first.Unrecorded != 5 || first.Fate != "waits" || document.Journals[1].Error == "" {
		t.Errorf("%+v", document)
	}
}
