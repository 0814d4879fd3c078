package localstore

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journal"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/unrecorded"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// TestJournalsThatCannotBeRead are listed with the reason, and cost nothing else.
func TestJournalsThatCannotBeRead(t *testing.T) {
	for _, tt := range []struct {
		name   string
		spoil  func(b []byte) []byte
		stands journalpool.Standing
		err    error
		fate   unrecorded.Fate
		damage string
		want   float64 // of what the journal has: 1 is recorded
	}{
		{name: "damaged header", spoil: func(b []byte) []byte { clear(b[:16]); clear(b[128:320]); return b }, stands: journalpool.Strange, err: journalfile.ErrDamaged, want: 1},
		{name: "damaged tags", spoil: func(b []byte) []byte { b[520]++; b[584]++; return b }, stands: journalpool.Dead, fate: unrecorded.Lost, damage: "tag 0", want: 1},
		{name: "newer format", spoil: func(b []byte) []byte { newerJournal(b); return b }, stands: journalpool.Newer, err: journalfile.ErrNewerFormat, want: 1},
		{name: "cut", spoil: func(b []byte) []byte { return b[:5000] }, stands: journalpool.Dead, damage: "identities are missing", want: 1},
		{name: "cut within its header", spoil: func(b []byte) []byte { return b[:200] }, stands: journalpool.Strange, err: journalfile.ErrDamaged, want: 1},
		{name: "zeros", spoil: func(b []byte) []byte { clear(b); return b }, stands: journalpool.Empty, want: 1},
		{name: "sound", spoil: func(b []byte) []byte { return b }, stands: journalpool.Dead, want: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, c := fresh(t)
			p := counting(t, open(t, s.Path(), c), true)
			p.count(t)
			p.mustRecord(t)
			p.count(t)
			p.die(t, tt.spoil(p.remains(t)))
			viewer := open(t, s.Path(), c, ReadOnly())
			snap := lookAt(t, viewer)
			if counted, _ := shown(snap); counted["n{}"] != tt.want {
				t.Errorf("counted %v", counted)
			}
			h, err := viewer.Examine(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if !h.Sound() {
				t.Errorf("the mirror is not sound: %v", h.Damage)
			}
			if tt.stands == journalpool.Empty {
				if len(h.Journals) != 0 || h.EmptyJournals != 1 {
					t.Errorf("journals %+v, %d empty", h.Journals, h.EmptyJournals)
				}
				return
			}
			if len(h.Journals) != 1 || h.EmptyJournals != 0 {
				t.Fatalf("journals %+v, %d empty", h.Journals, h.EmptyJournals)
			}
			j := h.Journals[0]
			if j.Standing != tt.stands || j.Fate != tt.fate || !errors.Is(j.Err, tt.err) || !strings.Contains(strings.Join(j.Damage, "\n"), tt.damage) {
				t.Errorf("journal %+v", j)
			}
		})
	}
}

// TestJournalsOfAnExamination are listed with their owners and what they hold.
func TestJournalsOfAnExamination(t *testing.T) {
	s, c := fresh(t)
	living, dead, ended := counting(t, open(t, s.Path(), c), true), counting(t, open(t, s.Path(), c), true), counting(t, open(t, s.Path(), c), true)
	living.count(t)
	living.mustRecord(t)
	living.countNumber(t)
	dead.count(t)
	dead.die(t, dead.remains(t))
	ended.w.Close()
	if err := journal.Supersede(s.Path()); err != nil {
		t.Fatal(err)
	}
	h, err := open(t, s.Path(), c, ReadOnly()).Examine(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Journals) != 2 || h.EmptyJournals != 1 {
		t.Fatalf("journals %+v, %d empty", h.Journals, h.EmptyJournals)
	}
	for i, want := range []unrecorded.Journal{
		{Standing: journalpool.Living, Series: 4, Unrecorded: 1},
		{Standing: journalpool.Dead, Series: 4, Unrecorded: 4},
	} {
		j := h.Journals[i]
		if j.Standing != want.Standing || j.Series != want.Series || j.Unrecorded != want.Unrecorded || j.PID != int64(os.Getpid()) || j.Started.IsZero() ||
			!j.Superseded || j.Path != journalpool.Path(s.Path(), i) || j.Err != nil || len(j.Damage) > 0 {
			t.Errorf("journal %+v, want %+v", j, want)
		}
	}
	var n series.Value
	for _, b := range h.Balances {
		if b.Name == "n" {
			n = n.Add(b.Unrecorded)
		}
	}
	if n.Int64() != 2 {
		t.Errorf("unrecorded %v of n", n)
	}
}

// TestJournalsBesideAReadOnlyMirror: who may only read is shown all of it, and writes
// nothing.
func TestJournalsBesideAReadOnlyMirror(t *testing.T) {
	s, c := fresh(t)
	p := counting(t, open(t, s.Path(), c), true)
	p.count(t)
	dir := filepath.Dir(s.Path())
	before := bytesOf(t, journalpool.Path(s.Path(), 0))
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	viewer := open(t, s.Path(), c, ReadOnly())
	if counted, _ := shown(lookAt(t, viewer)); !counted.equal(p.counted()) {
		t.Errorf("counted %v, want %v", counted, p.counted())
	}
	if !bytes.Equal(bytesOf(t, journalpool.Path(s.Path(), 0)), before) {
		t.Error("looking wrote into a journal")
	}
}

// TestJournalOfALongName is shown cut, as a text of the mirror is.
func TestJournalOfALongName(t *testing.T) {
	s, c := fresh(t)
	p := counting(t, open(t, s.Path(), c), true)
	name := strings.Repeat("\u00e9", 200_000)
	p.cell(t, name, false, func() *series.Series { return statistic(p.of, name) }).change(func(v *journalfile.Value) { v.Int++ })
	before := lookAt(t, s)
	p.mustRecord(t)
	after := lookAt(t, s)
	if len(before.Trackables) != 1 || before.Trackables[0].Name != after.Trackables[0].Name || len(before.Trackables[0].Name) > 200_000 {
		t.Errorf("%d trackables, then %d", len(before.Trackables), len(after.Trackables))
	}
	p.cell(t, name, false, nil).change(func(v *journalfile.Value) { v.Int++ })
	if snap := lookAt(t, s); len(snap.Trackables) != 1 || snap.Trackables[0].Total.Int64() != 2 {
		t.Errorf("counts of a long name do not add up: %d trackables", len(snap.Trackables))
	}
}
