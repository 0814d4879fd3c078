package localstore

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

// overwrite writes into a file by hand, whatever other connections know of it.
func overwrite(t *testing.T, path, query string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(query); err != nil {
		t.Fatal(err)
	}
}

// TestATextThatIsReadAgainAndAgain is not, when it is absurdly long: the mirror
// is set aside once, and no count is lost.
func TestATextThatIsReadAgainAndAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("writes and reads megabytes")
	}
	for column, table := range map[string]string{
		"name": "trackables", "description": "metrics", "type": "metrics", "bounds": "metrics", "attributes": "resources",
		"shared_state": "current_states", "state": "occupancy", "kind": "forwarders", "mirror_id": "mirror", "installation_id": "mirror",
	} {
		for _, when := range []string{"running", "opened"} {
			t.Run(table+"."+column+" "+when, func(t *testing.T) {
				var told []string
				s, c := fresh(t, WithErrorHandler(func(err error) { told = append(told, err.Error()) }))
				w := newWriter(t, s)
				record(t, w, add(statistic(version("1"), "n"), 1))
				move(t, w, state(version("1"), "s"), "a")
				submit(t, s)
				if when == "opened" {
					closeStore(t, s)
				}
				overwrite(t, s.db.Path(), `UPDATE `+table+` SET `+column+` = hex(zeroblob(1000000))`)
				if when == "opened" {
					s = open(t, s.db.Path(), c, WithErrorHandler(func(err error) { told = append(told, err.Error()) }))
					w = newWriter(t, s)
				}
				record(t, w, add(statistic(version("1"), "n"), 2))
				record(t, w, add(statistic(version("1"), "n"), 3))
				if len(told) != 1 || !strings.Contains(told[0], "set aside") {
					t.Errorf("told %q", told)
				}
				want := wants{recorded: 5, pending: 5}
				if table == "mirror" && when == "opened" { // what was decided is lost, too
					want = wants{recorded: 5, withheld: 5}
				}
				checkBalance(t, s, "n{}", want)
			})
		}
	}
}

// TestAnApplicationReadsNoViewWithoutAnEnd in place of a table, whenever somebody
// made it one.
func TestAnApplicationReadsNoViewWithoutAnEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("queries without an end are interrupted after a while")
	}
	for _, table := range schema.Tables {
		for _, when := range []string{"running", "opened"} {
			if table == "mirror" && when == "running" {
				continue // its row is read before anything else
			}
			var told []string
			note := WithErrorHandler(func(err error) { told = append(told, err.Error()) })
			s, c := fresh(t, note)
			w := newWriter(t, s)
			record(t, w, add(statistic(version("1"), "n"), 1))
			if when == "opened" {
				closeStore(t, s)
			}
			endless(t, s.db.Path(), table, "false")
			if when == "opened" {
				s = open(t, s.db.Path(), c, note)
				w = newWriter(t, s)
			}
			record(t, w, add(statistic(version("1"), "n"), 2))
			if len(told) != 1 || !strings.Contains(told[0], table+" is a view in place of a table") {
				t.Errorf("%s, %s: told %q", table, when, told)
			}
		}
	}
}

// TestAPayloadOfAnyLength is sent and not shown, also where the application itself
// looks at it: it is longer than all that a reading loads.
func TestAPayloadOfAnyLength(t *testing.T) {
	if testing.Short() {
		t.Skip("writes and reads megabytes")
	}
	s, c := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	sub := mustBegin(t, s)
	overwrite(t, s.db.Path(), `UPDATE parts SET payload = replace(payload, '"resource":{', '"resource":{"long":"' || hex(zeroblob(17000000)) || '",')`)
	r := open(t, s.db.Path(), c, ReadOnly())
	if _, err := r.Preview(t.Context(), request(outbox.Delta)); !errors.Is(err, schema.ErrTooLong) || errors.Is(err, ErrDamaged) {
		t.Errorf("preview = %v", err)
	}
	if _, err := r.Snapshot(t.Context(), snapshot.Query{}); err != nil {
		t.Errorf("snapshot = %v", err)
	}
	if list, err := r.Balance(t.Context()); err != nil || !strings.Contains(list[len(list)-1].Off, "too long") {
		t.Errorf("balance = %v, %v", list, err)
	}
	if _, err := s.Preview(t.Context(), request(outbox.Delta)); !errors.Is(err, schema.ErrTooLong) || errors.Is(err, ErrDamaged) {
		t.Errorf("the application's own preview = %v", err)
	}
	conn := s.db.Conn
	p := next(t, sub)
	if s.db.Conn != conn {
		t.Error("the application's connection was given up")
	}
	if v, ok := p.Resource.Value("long"); !ok || len(v.AsString()) != 34_000_000 {
		t.Error("what is sent is cut")
	}
	settle(t, sub, p, outbox.Outcome{Verdict: outbox.Accepted})
	if _, err := r.Sent(t.Context(), 0); !errors.Is(err, schema.ErrTooLong) {
		t.Errorf("sent = %v", err)
	}
	checkBalance(t, s, "n{}", wants{recorded: 1, accepted: 1})
}

// TestAReadingLoadsNothingBeyondItsBound, and leaves no bound behind where what is
// sent may be of any length.
func TestAReadingLoadsNothingBeyondItsBound(t *testing.T) {
	s, c := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	load := func(s *Store) error {
		_, err := s.db.Conn.Find(`SELECT length(hex(zeroblob(?1)))`, sqlitedb.MaxLoaded/2+1)
		return err
	}
	for name, reader := range map[string]*Store{"reader": open(t, s.db.Path(), c, ReadOnly()), "writer": s} {
		err := reader.db.Look(t.Context(), func(*mirrordb.Tx) error {
			if err := load(reader); !sqlitedb.HasCode(err, sqlitedb.CodeTooBig) {
				t.Errorf("%s: %v", name, err)
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := load(s); err != nil {
		t.Errorf("after a reading: %v", err)
	}
}

// TestDoctorFindsATextOfAnyLength and does not load it.
func TestDoctorFindsATextOfAnyLength(t *testing.T) {
	s, c := fresh(t)
	record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
	r := open(t, s.db.Path(), c, ReadOnly())
	overwrite(t, s.db.Path(), `INSERT INTO submission_log (forwarder, first_at, last_at, outcome) VALUES (hex(zeroblob(1000000)), 1, 1, 'accepted')`)
	h, err := r.Examine(t.Context(), nil)
	if err != nil || len(h.Damage) != 1 || h.Damage[0] != "table submission_log: a text is longer than 1048576 bytes, the table was not checked any further" {
		t.Errorf("examine = %v, %v", h, err)
	}
	overwrite(t, s.db.Path(), `DELETE FROM submission_log`)
}

// TestOthersRecordingsAreNotLookedThrough for long texts, in tables that may have
// thousands of rows, while they add nothing as long as one.
func TestOthersRecordingsAreNotLookedThrough(t *testing.T) {
	s, c := fresh(t)
	o := open(t, s.db.Path(), c)
	w, beside := newWriter(t, s), newWriter(t, o)
	record(t, w, add(statistic(version("1"), "n"), 1))
	_ = s.db.Conn.Statements[schema.LongTexts()].Close()
	delete(s.db.Conn.Statements, schema.LongTexts())
	record(t, beside, add(statistic(version("1"), "n"), 1))
	record(t, w, add(statistic(version("1"), "n"), 1))
	if s.db.Conn.Statements[schema.LongTexts()] != nil {
		t.Error("all texts were looked at again")
	}
}
