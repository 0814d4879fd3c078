package localstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// damage overwrites a mirror and makes the Stores read it anew.
func damage(t *testing.T, stores ...*Store) {
	t.Helper()
	path := stores[0].Path()
	for _, s := range stores {
		execute(t, s, `PRAGMA wal_checkpoint(TRUNCATE)`)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// The header stays, so that the file is still known as a mirror.
	if _, err := f.WriteAt([]byte(strings.Repeat("damage", int(info.Size()-100)/6)), 100); err != nil {
		t.Fatal(err)
	}
	for _, s := range stores {
		execute(t, s, `PRAGMA shrink_memory`)
	}
}

// reports collects what an error handler is told.
type reports struct {
	mu   sync.Mutex
	errs []error
}

func (r *reports) handle(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

func TestADamagedMirrorIsSetAsideWhenItIsOpened(t *testing.T) {
	for _, known := range []bool{false, true} {
		var told reports
		c, path := newClock(), newPath(t)
		s := open(t, path, c, WithInstallationID("seat 7"))
		setMode(t, s, consent.ModeLocal)
		record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
		closeStore(t, s)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if known { // the row of the mirror stays legible
			content = content[:len(content)-4096]
		} else {
			content = append(content[:100], []byte(strings.Repeat("damage", 10_000))...)
		}
		write(t, path, content)

		s = open(t, path, c, WithErrorHandler(told.handle))
		says, err := s.Consent(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if says.Mode != consent.ModeLocal || known != (s.InstallationID() == "seat 7") {
			t.Errorf("legible %v: mode %v, id %s", known, says.Mode, s.InstallationID())
		}
		if names := damagedFiles(t, path); len(names) != 1 || len(told.errs) != 1 {
			t.Errorf("set aside %v, told %v", names, told.errs)
		}
		record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
		if _, err := os.Stat(path + ".lock"); err == nil {
			t.Error("a lock file is left")
		}
	}
}

func TestAMirrorDamagedWhileRunningIsSetAsideOnce(t *testing.T) {
	var told reports
	c, path := newClock(), newPath(t)
	a := open(t, path, c, WithErrorHandler(told.handle))
	b := open(t, path, c, WithErrorHandler(told.handle))
	if err := a.SetInstallationID("seat 7"); err != nil {
		t.Fatal(err)
	}
	if err := a.RequireConsent(t.Context()); err != nil {
		t.Fatal(err)
	}
	setMode(t, a, consent.ModeOn)
	wa, wb := newWriter(t, a), newWriter(t, b)
	na, nb := statistic(version("1"), "n"), statistic(version("1"), "n")
	record(t, wa, add(na, 1))
	record(t, wb, add(nb, 1))
	mirror := a.MirrorID()
	damage(t, a, b)

	carried := recordOrCarry(t, wa, na, 10)
	record(t, wb, add(nb, 100))
	record(t, wa, add(na, 1000+carried))
	checkBalance(t, a, "n{}", wants{recorded: 1110, pending: 1110})
	checkBalance(t, b, "n{}", wants{recorded: 1110, pending: 1110})
	names := damagedFiles(t, path)
	if len(names) != 1 || len(told.errs) != 2 {
		t.Fatalf("set aside %v, told %v, want one report by each process", names, told.errs)
	}
	for _, err := range told.errs {
		if !strings.Contains(err.Error(), names[0]) {
			t.Errorf("told %v, want the file's name", err)
		}
	}
	if a.MirrorID() == mirror || a.MirrorID() != b.MirrorID() {
		t.Errorf("mirror ids %s and %s after %s", a.MirrorID(), b.MirrorID(), mirror)
	}
	says, err := b.Consent(t.Context())
	if err != nil || says.Mode != consent.ModeOn || !says.Since.Equal(c.now()) || a.InstallationID() != "seat 7" {
		t.Errorf("consent = %+v, %v, installation id = %s", says, err, a.InstallationID())
	}
	expect(t, a, "1", `SELECT require_consent FROM mirror`)
	expect(t, a, "ok", `PRAGMA integrity_check`)
}

// TestDamageFailsNoCall: who finds the damage goes on in the fresh file at once.
// The last recording of a process, and a declaration, have no next one.
func TestDamageFailsNoCall(t *testing.T) {
	if testing.Short() {
		t.Skip("opens dozens of damaged mirrors")
	}
	d := otelusage.Declaration{Name: "n", Kind: otelusage.KindStatistic}
	for name, call := range map[string]func(*Store, *recording.Writer) error{
		"record": func(_ *Store, w *recording.Writer) error {
			return w.Record(sqlitedb.Background, recording.Recording{Changes: []recording.Change{add(statistic(version("1"), "n"), 1)}})
		},
		"observe": func(_ *Store, w *recording.Writer) error { return w.Observe(sqlitedb.Background, true) },
		"declare": func(s *Store, _ *recording.Writer) error { _, err := s.Declare(d); return err },
		"declare while the store is in use": func(s *Store, _ *recording.Writer) error {
			s.db.Lock()
			declared := make(chan error)
			go func() {
				_, err := s.Declare(d)
				declared <- err
			}()
			runtime.Gosched()
			s.db.Unlock()
			return <-declared
		},
		"consent": func(s *Store, _ *recording.Writer) error { _, err := s.Consent(sqlitedb.Background); return err },
		"begin": func(s *Store, _ *recording.Writer) error {
			_, err := s.Outbox().Begin(sqlitedb.Background, request(outbox.Delta))
			return err
		},
		"balance": func(s *Store, _ *recording.Writer) error { _, err := s.Balance(sqlitedb.Background); return err },
		"csv":     func(s *Store, _ *recording.Writer) error { return s.WriteCSV(io.Discard, snapshot.OrderByName) },
		"enable":  func(s *Store, _ *recording.Writer) error { return s.Enable(sqlitedb.Background) },
		"sync":    func(s *Store, _ *recording.Writer) error { return s.Sync(sqlitedb.Background) },
	} {
		for kind, damage := range map[string]func(*testing.T, ...*Store){"pages": damage, "half a log": cutLog} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				var told reports
				s, _ := fresh(t, WithErrorHandler(told.handle))
				w := newWriter(t, s)
				record(t, w, add(statistic(version("1"), "m"), 1))
				damage(t, s)
				if err := call(s, w); err != nil {
					t.Error(err)
				}
				names := damagedFiles(t, s.Path())
				if kind == "half a log" { // what a call does not read it does not find damaged
					record(t, w, add(statistic(version("1"), "n"), 1))
					return
				}
				if len(names) != 1 || len(told.errs) != 1 {
					t.Errorf("set aside %v, told %v", names, told.errs)
				}
				expect(t, s, "ok", `PRAGMA integrity_check`)
			})
		}
	}
}

// cutLog cuts the log in half under Stores that go by its length.
func cutLog(t *testing.T, stores ...*Store) {
	t.Helper()
	log := stores[0].Path() + "-wal"
	info, err := os.Stat(log)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(log, info.Size()/2); err != nil {
		t.Fatal(err)
	}
	for _, s := range stores {
		execute(t, s, `PRAGMA shrink_memory`)
	}
}

// TestAHandlerToldByADeclarationMayCallBack: nothing is locked meanwhile.
func TestAHandlerToldByADeclarationMayCallBack(t *testing.T) {
	var s *Store
	told := 0
	s, _ = fresh(t, WithErrorHandler(func(error) {
		told++
		if err := s.WriteCSV(io.Discard, snapshot.OrderByName); err != nil {
			t.Error(err)
		}
		declare(t, s, otelusage.Declaration{Name: "m", Kind: otelusage.KindStatistic})
	}))
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	damage(t, s)
	declare(t, s, otelusage.Declaration{Name: "n", Kind: otelusage.KindStatistic})
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}

// TestEveryByteOfTheHeader is damaged in turn: the mirror goes on, in that file
// or a fresh one, unless it now says that it is somebody else's or newer.
func TestEveryByteOfTheHeader(t *testing.T) {
	if testing.Short() {
		t.Skip("opens hundreds of damaged mirrors")
	}
	s, c := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	closeStore(t, s)
	sound, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for at := range 100 {
		for _, b := range []byte{0x00, 0xff, sound[at] ^ 1, sound[at] ^ 0x80} {
			path := filepath.Join(dir, fmt.Sprintf("%d-%x.db", at, b))
			damaged := bytes.Clone(sound)
			damaged[at] = b
			write(t, path, damaged)
			s, err := Open(path, WithClock(c.now), WithErrorHandler(func(error) {}))
			if errors.Is(err, ErrNewerSchema) || errors.Is(err, ErrNotMirror) {
				continue
			}
			if err != nil {
				t.Errorf("byte %d = %#x: open: %v", at, b, err)
				continue
			}
			record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
			balanced(t, s)
			closeStore(t, s)
		}
	}
}

func TestConsentOutlivesDamage(t *testing.T) {
	for _, mode := range []consent.Mode{consent.ModeOff, consent.ModeLocal} {
		s, _ := fresh(t, WithErrorHandler(func(error) {}))
		w, n := newWriter(t, s), statistic(version("1"), "n")
		record(t, w, add(n, 1))
		setMode(t, s, mode)
		damage(t, s)
		record(t, w, add(n, 1))
		record(t, w, add(n, 1))
		if _, err := s.Outbox().Begin(t.Context(), request(outbox.Delta)); !errors.Is(err, outbox.ErrNoConsent) {
			t.Errorf("%v: Begin = %v", mode, err)
		}
		if b := balances(t, s)["n{}"]; !b.Pending.IsZero() {
			t.Errorf("%v: pending %s", mode, b.Pending)
		}
	}
}

func TestADeletedFileIsFollowedByAFreshOne(t *testing.T) {
	skipWhereOpenFilesStay(t)
	for _, leftovers := range []bool{false, true} {
		a, c := fresh(t)
		b := open(t, a.Path(), c)
		wa, wb := newWriter(t, a), newWriter(t, b)
		na, nb := statistic(version("1"), "n"), statistic(version("1"), "n")
		setMode(t, a, consent.ModeOn)
		record(t, wa, add(na, 1))
		record(t, wb, add(nb, 1))
		id := a.InstallationID()
		if err := os.Remove(a.Path()); err != nil {
			t.Fatal(err)
		}
		if !leftovers {
			os.Remove(a.Path() + "-wal")
			os.Remove(a.Path() + "-shm")
		}
		record(t, wa, add(na, 10))
		record(t, wb, add(nb, 100))
		record(t, wa, add(na, 1000))
		checkBalance(t, a, "n{}", wants{recorded: 1110, pending: 1110})
		checkBalance(t, b, "n{}", wants{recorded: 1110, pending: 1110})
		expect(t, b, "ok", `PRAGMA integrity_check`)
		says, err := b.Consent(t.Context())
		if err != nil || says.Mode != consent.ModeOn {
			t.Errorf("consent = %+v, %v", says, err)
		}
		if a.InstallationID() == id {
			t.Error("a person who deletes the file keeps the installation id")
		}
		if names := damagedFiles(t, a.Path()); len(names) > 0 {
			t.Errorf("set aside %v", names)
		}
	}
}

func TestAReplacedFileIsTakenAsItIs(t *testing.T) {
	skipWhereOpenFilesStay(t)
	s, c := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	other := open(t, newPath(t), c)
	record(t, newWriter(t, other), add(statistic(version("1"), "n"), 70))
	mirror, at := other.MirrorID(), other.Path()
	closeStore(t, other)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		os.Remove(s.Path() + suffix)
	}
	if err := os.Rename(at, s.Path()); err != nil {
		t.Fatal(err)
	}
	record(t, w, add(n, 1))
	checkBalance(t, s, "n{}", wants{recorded: 71, pending: 71})
	if s.MirrorID() != mirror {
		t.Error("the file was not taken")
	}
}

func TestProcessesThatFindTheDamageTogetherGoOnInOneFile(t *testing.T) {
	if testing.Short() {
		t.Skip("opens dozens of damaged mirrors")
	}
	for range 5 {
		c, path := newClock(), newPath(t)
		s := open(t, path, c)
		record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
		closeStore(t, s)
		write(t, path, []byte("SQLite format 3\x00"+strings.Repeat("CREATE TABLE mirror", 1000)))
		var group sync.WaitGroup
		stores := make([]*Store, 6)
		for i := range stores {
			group.Go(func() {
				s, err := Open(path, WithErrorHandler(func(error) {}))
				if err != nil {
					t.Error(err)
					return
				}
				stores[i] = s
				w, err := s.Writer(true)
				n := statistic(version("1"), "n")
				for range 3 { // as an exporter does: the next export carries it
					if w == nil {
						break
					}
					if err = w.Record(context.Background(), recording.Recording{Changes: []recording.Change{add(n, 1)}, MaySend: true}); err == nil {
						return
					}
				}
				t.Error(err)
			})
		}
		group.Wait()
		if t.Failed() {
			return
		}
		checkBalance(t, stores[0], "n{}", wants{recorded: 6, withheld: 6}) // nobody knows what was decided
		for _, s := range stores {
			closeStore(t, s)
		}
		if names := damagedFiles(t, path); len(names) != 1 {
			t.Errorf("set aside %v", names)
		}
	}
}

func TestANewerSchemaStopsARunningProcess(t *testing.T) {
	s, c := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	sub := mustBegin(t, s)
	other := open(t, s.Path(), c)
	execute(t, other, `PRAGMA user_version = 99`)
	if err := w.Record(t.Context(), recording.Recording{Changes: []recording.Change{add(n, 1)}}); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("Record = %v", err)
	}
	if err := w.Observe(t.Context(), true); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("Observe = %v", err)
	}
	if _, err := sub.Next(t.Context()); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("Next = %v", err)
	}
	execute(t, other, fmt.Sprintf(`PRAGMA user_version = %d`, schema.Version))
	record(t, w, add(n, 1))
	checkBalance(t, s, "n{}", wants{recorded: 2, inFlight: 1, pending: 1})
}

func TestABusyMirrorLosesNothing(t *testing.T) {
	s, c := fresh(t, WithBusyTimeout(10*time.Millisecond))
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	other := open(t, s.Path(), c)
	execute(t, other, `BEGIN IMMEDIATE`)
	if err := w.Record(t.Context(), recording.Recording{Changes: []recording.Change{add(n, 2)}, MaySend: true}); !sqlitedb.HasCode(err, sqlitedb.CodeBusy) || errors.Is(err, recording.ErrUnknownOutcome) {
		t.Errorf("Record = %v, want busy", err)
	}
	if err := w.Observe(t.Context(), true); err != nil {
		t.Errorf("Observe = %v: reading needs no lock", err)
	}
	execute(t, other, `ROLLBACK`)
	record(t, w, add(n, 2))
	checkBalance(t, s, "n{}", wants{recorded: 3, pending: 3})
}

// What no check of SQLite finds: a sound database with content that this
// package never wrote. Counting goes on in a fresh file.
func TestUnreadableContentIsSetAside(t *testing.T) {
	if testing.Short() {
		t.Skip("submits dozens of times")
	}
	for name, spoil := range map[string]string{
		"value":      `UPDATE totals SET recorded = 'no number'`,
		"bounds":     `UPDATE metrics SET bounds = '[1,'`,
		"attributes": `UPDATE resources SET attributes = '{'`,
		"payload":    `UPDATE parts SET payload = 'nothing'`,
		"no row":     `DELETE FROM mirror`,
		"no series":  `DELETE FROM series`,
	} {
		t.Run(name, func(t *testing.T) {
			s, c := fresh(t, WithErrorHandler(func(err error) { t.Log("reported:", err) }))
			w, n := newWriter(t, s), statistic(version("1"), "n")
			record(t, w, add(n, 1))
			sub := mustBegin(t, s)
			if err := sub.Release(t.Context(), false); err != nil {
				t.Fatal(err)
			}
			record(t, w, add(n, 1))
			execute(t, s, spoil)
			var recorded, submitted bool
			for range 6 {
				c.add(2 * time.Hour)
				recorded = w.Record(t.Context(), recording.Recording{MaySend: true, Changes: []recording.Change{add(n, 1)}}) == nil
				if sub, err := s.Outbox().Begin(t.Context(), request(outbox.Delta)); err == nil && sub != nil {
					if p, err := sub.Next(t.Context()); err == nil && p != nil {
						_, err = sub.Settle(t.Context(), p, accepted)
						submitted = err == nil
					}
				}
			}
			if !recorded || !submitted {
				t.Errorf("goes on recording: %v, submitting: %v", recorded, submitted)
			}
		})
	}
}
