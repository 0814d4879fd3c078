package localstore

import (
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/python"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// begun is a State that a process found in its initial state.
func begun(t testing.TB, w *recording.Writer, r *series.Resource, initial string) {
	t.Helper()
	recordAll(t, w, recording.Recording{Moves: []recording.Move{{Series: state(r, "server"), State: initial}}, MaySend: true})
}

// TestInitialStatesAreNotSet: they hold until a state is, in whichever process,
// and are shown for what they are.
func TestInitialStatesAreNotSet(t *testing.T) {
	s, _ := fresh(t)
	w, r := newWriter(t, s), version("1.0")
	shown := func(want string) {
		t.Helper()
		expect(t, s, want, `SELECT coalesce(state, 'none') || ' ' || changes FROM states`)
		snap, err := s.Snapshot(t.Context(), snapshot.Query{History: true})
		if err != nil {
			t.Fatal(err)
		}
		server := snap.Trackables[0]
		if initial := strings.HasSuffix(want, " 0") && !strings.HasPrefix(want, "none"); server.Default != initial {
			t.Errorf("%s: default is %t", want, server.Default)
		}
		life, err := s.Declare(otelusage.Declaration{Name: "server", Kind: otelusage.KindState})
		if set := !strings.HasSuffix(want, " 0"); err != nil || life.HasState != set || !set && life.State != "" {
			t.Errorf("%s: lifetime %+v, %v", want, life, err)
		}
	}
	begun(t, w, r, otelusage.NoState)
	expect(t, s, "0", `SELECT count(*) FROM current_states`)
	begun(t, w, r, "Avalon")
	shown("Avalon 0")
	since := text(t, s, `SELECT since FROM states`)
	begun(t, w, version("1.1"), "Avalon")
	expect(t, s, since, `SELECT since FROM states`)
	begun(t, w, r, "Camelot")
	shown("Camelot 0")
	begun(t, w, r, otelusage.NoState)
	shown("none 0")
	begun(t, w, r, "Camelot")
	if got := points(submit(t, s)[0]); got[`server.occupancy{"state":"Camelot"}`] != series.Int64Value(1) || got[`server{"state":"Camelot"}`] != series.Int64Value(1) {
		t.Errorf("sent %v", got)
	}
	changes := &series.Metric{Scope: state(r, "server").Metric.Scope, Name: "server.changes", Type: series.TypeSum, Monotonic: true}
	recordAll(t, w, recording.Recording{MaySend: true, Changes: []recording.Change{{Series: &series.Series{Resource: r, Metric: changes}, Delta: series.Int64Value(1)}},
		Moves: []recording.Move{{Series: state(r, "server"), State: "Avalon", Moved: true}}})
	shown("Avalon 1")
	begun(t, w, version("1.1"), "Camelot")
	shown("Avalon 1")
	got := make(map[string]series.Value)
	for _, part := range submit(t, s) {
		for name, v := range points(part) {
			got[serviceVersion(part)+" "+name] = v
		}
	}
	if got[`1.0 server.occupancy{"state":"Camelot"}`] != series.Int64Value(-1) || got[`1.1 server.occupancy{"state":"Avalon"}`] != series.Int64Value(1) {
		t.Errorf("sent %v", got)
	}
}

// TestALateImportWinsOverAnInitialState, at HQ and at a Collector.
func TestALateImportWinsOverAnInitialState(t *testing.T) {
	for name, set := range map[string]bool{"not over one that was set": true, "initial": false} {
		t.Run(name, func(t *testing.T) {
			path := referenceFiles(t)
			lock := openOriginal(t, path)
			mustExec(t, lock, `BEGIN EXCLUSIVE`)
			c := afterSample()
			s := open(t, path, c, WithErrorHandler(func(error) {}), WithBusyTimeout(10*time.Millisecond))
			if life, err := s.Declare(otelusage.Declaration{Name: "server", Kind: otelusage.KindState}); err != nil || life.HasState || !life.Incomplete {
				t.Errorf("lifetime %+v, %v", life, err)
			}
			w, r := newWriter(t, s), version("1.0")
			recordAll(t, w, recording.Recording{Moves: []recording.Move{{Series: state(r, "server"), State: "Avalon", Moved: set}}, MaySend: true})
			if got := points(submit(t, s)[0]); got[`server.occupancy{"state":"Avalon"}`] != series.Int64Value(1) {
				t.Errorf("sent %v", got)
			}
			mustExec(t, lock, `ROLLBACK`)
			want := "O'Hara; --"
			if set {
				want = "Avalon"
			}
			if got := uploaded(t, s)["server"]; got != want {
				t.Errorf("HQ is told %v, want %v", got, want)
			}
			expect(t, s, want, `SELECT state FROM states WHERE name = 'server'`)
			parts := submit(t, s)
			if set {
				if parts != nil {
					t.Errorf("sent %v", points(parts[0]))
				}
				return
			}
			got := points(parts[0])
			if got[`server.occupancy{"state":"Avalon"}`] != series.Int64Value(-1) || got[`server.occupancy{"state":"O'Hara; --"}`] != series.Int64Value(1) {
				t.Errorf("sent %v", got)
			}
			if life, err := s.Declare(otelusage.Declaration{Name: "server", Kind: otelusage.KindState}); err != nil || life.State != want || life.Incomplete {
				t.Errorf("lifetime %+v, %v", life, err)
			}
		})
	}
}

// TestALateImportOfARenamedState wins over an initial state under the new name,
// and what is not listed in it follows the declaration under either.
func TestALateImportOfARenamedState(t *testing.T) {
	for name, late := range map[string]bool{"late": true, "in time": false} {
		t.Run(name, func(t *testing.T) {
			path, _ := leftBehind(t, "unlisted")
			lock := openOriginal(t, python.FilesOf(path).Part)
			if late {
				mustExec(t, lock, `BEGIN EXCLUSIVE`)
			}
			s := open(t, path, afterSample(), WithErrorHandler(func(error) {}), WithBusyTimeout(10*time.Millisecond))
			for _, d := range []otelusage.Declaration{renamed("realm", otelusage.KindState, "server"), renamed("sessions", otelusage.KindTimer, "play_time")} {
				life, err := s.Declare(d)
				if err != nil || life.HasState != (!late && d.Kind == otelusage.KindState) || (len(life.Series) == 1) != (!late && d.Kind == otelusage.KindTimer) {
					t.Errorf("%s: lifetime %+v, %v", d.Name, life, err)
				}
			}
			w, r := newWriter(t, s), version("1.0")
			recordAll(t, w, recording.Recording{Moves: []recording.Move{{Series: state(r, "realm"), State: "Camelot"}}, MaySend: true})
			if late {
				mustExec(t, lock, `ROLLBACK`)
			}
			got := uploaded(t, s)
			if got["realm"] != "Avalon" || got["sessions"] != 19.75 || got["server"] != nil || got["play_time"] != nil {
				t.Errorf("uploaded %v", got)
			}
			expect(t, s, "2", `SELECT runs FROM timers WHERE name = 'sessions'`)
			expect(t, s, "Avalon 1", `SELECT state || ' ' || changes FROM states WHERE name = 'realm'`)
			declaredOnce(t, s, [][]string{{"state", "realm"}, {"timer", "sessions"}})
		})
	}
}
