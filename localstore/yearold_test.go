package localstore

import (
	"database/sql"
	"encoding/binary"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
)

// grown are the tables that a year of runs fills, to the bounds that they have: each has
// hundreds or thousands of rows. Those of trackables grow with what an application
// declares.
var grown = []string{"batches", "parts", "submission_log", "writers", "history", "days", "active"}

// fillYear gives a mirror what stays of a year of hourly runs that each submit.
const fillYear = `
WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000)
	INSERT INTO batches (start_at, end_at, sealed_at, epoch, mark, settled_at) SELECT start_at, end_at, sealed_at, epoch, mark, settled_at FROM batches, n;
INSERT INTO parts (batch_id, resource_id, state, points, settled_at, payload)
	SELECT b.id, p.resource_id, p.state, p.points, p.settled_at, iif(b.id > 981, p.payload, NULL) FROM batches b, parts p WHERE b.id > 1 AND p.id = 1;
WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000)
	INSERT INTO submission_log (forwarder, batch_id, part_id, first_at, last_at, outcome, points) SELECT 'delta', n, n, n, n, 'accepted', 9 FROM n;
WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100)
	INSERT INTO writers (id, seq, committed_at) SELECT hex(randomblob(16)), 1, n FROM n;
WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 999)
	INSERT OR IGNORE INTO history (slot, series_id, at, value) SELECT n, id, 1000 * n + id, n FROM n, series;
WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 399)
	INSERT OR IGNORE INTO days (day, series_id, value) SELECT (SELECT recorded_day FROM mirror) - n, id, n FROM n, series;
WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 365)
	INSERT OR IGNORE INTO active (period, date) SELECT 'day', date('2025-01-01', n || ' days') FROM n;
`

// usedMirror makes a mirror in which something was recorded and sent.
func usedMirror(t *testing.T, c *clock, more string) (path string) {
	t.Helper()
	path = newPath(t)
	s := open(t, path, c)
	recordAll(t, newWriter(t, s), usage(1))
	submit(t, s)
	if more != "" {
		execute(t, s, more)
	}
	closeStore(t, s)
	return path
}

func usage(n int64) recording.Recording {
	r := version("1")
	rec := recording.Recording{MaySend: true, Moves: []recording.Move{{Series: state(r, "mode"), State: fmt.Sprint("m", n%3), Moved: true}}}
	for i := range 10 {
		rec.Changes = append(rec.Changes, add(statistic(r, fmt.Sprint("n", i)), n))
	}
	return rec
}

// pages returns how many pages of the file were looked at since the connection was
// opened.
func pages(t *testing.T, s *Store) int {
	t.Helper()
	handle := uintptr(reflect.ValueOf(s.db.Conn).Elem().FieldByName("handle").Uint())
	tls := libc.NewTLS()
	defer tls.Close()
	all := 0
	for _, what := range []int32{sqlite3.SQLITE_DBSTATUS_CACHE_HIT, sqlite3.SQLITE_DBSTATUS_CACHE_MISS} {
		p := tls.Alloc(8)
		if rc := sqlite3.Xsqlite3_db_status(tls, handle, what, p, p+4, 0); rc != sqlite3.SQLITE_OK {
			t.Fatalf("status %d: %d", what, rc)
		}
		all += int(binary.NativeEndian.Uint32(libc.GoBytes(p, 4)))
		tls.Free(8)
	}
	return all
}

// TestAYearOldMirrorReadsNoMore than a fresh one, but for the depth of its tables:
// opening, recording, submitting and the first recording of a day find their rows by
// index, and look at no whole table that a year fills.
func TestAYearOldMirrorReadsNoMore(t *testing.T) {
	phases := []string{"open", "record", "submit", "record on the next day"}
	var read [2]map[string]int
	for i, more := range []string{"", fillYear} {
		c := newClock()
		path := usedMirror(t, c, more)
		c.add(time.Hour)
		s := open(t, path, c)
		w := newWriter(t, s)
		read[i] = make(map[string]int)
		before := 0
		for _, phase := range phases {
			switch phase {
			case "record":
				recordAll(t, w, usage(2))
			case "submit":
				send(t, s)
			case "record on the next day":
				c.add(day)
				recordAll(t, w, usage(3))
			}
			now := pages(t, s)
			read[i][phase], before = now-before, now
		}
		if i == 1 {
			checkNoScan(t, s)
		}
		closeStore(t, s)
	}
	for _, phase := range phases {
		if fresh, old := read[0][phase], read[1][phase]; old > 2*fresh { // which have no inner pages
			t.Errorf("%s: %d pages, %d in a fresh mirror", phase, old, fresh)
		}
	}
}

// send submits what waits, and looks at nothing else.
func send(t *testing.T, s *Store) {
	t.Helper()
	sub := mustBegin(t, s)
	for {
		part, err := sub.Next(t.Context())
		if err == nil && part != nil {
			_, err = sub.Settle(t.Context(), part, accepted)
		}
		if err != nil {
			t.Fatal(err)
		}
		if part == nil {
			return
		}
	}
}

// checkNoScan checks all statements that were used.
func checkNoScan(t *testing.T, s *Store) {
	t.Helper()
	for _, query := range slices.Collect(maps.Keys(s.db.Conn.Statements)) { // which a plan adds to
		for _, step := range plan(t, s, query) {
			for _, table := range grown {
				if step == "SCAN "+table {
					t.Errorf("%s in %s", step, query)
				}
			}
		}
	}
}

// plan returns how SQLite runs a statement, with the names of tables.
func plan(t *testing.T, s *Store, query string) (steps []string) {
	t.Helper()
	err := s.db.Conn.Each("EXPLAIN QUERY PLAN "+query, func(rows *sql.Rows) error {
		var id, parent, unused int64
		var step string
		err := rows.Scan(&id, &parent, &unused, &step)
		steps = append(steps, step)
		return err
	}, make([]any, parameters(query))...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return steps
}

// parameters is how many a statement has.
func parameters(query string) (n int) {
	for n = 0; strings.Contains(query, fmt.Sprint("?", n+1)); n++ {
	}
	if n == 0 {
		n = strings.Count(query, "?")
	}
	return n
}

// TestPayloadsLeaveNoPages: a batch of which the payload is dropped takes a row, and not
// the page that the payload filled.
func TestPayloadsLeaveNoPages(t *testing.T) {
	c := newClock()
	s := open(t, newPath(t), c)
	w := newWriter(t, s)
	size := func(batches int) int64 {
		for range batches {
			r := usage(2)
			r.Changes = r.Changes[:4] // a page is nearly full
			recordAll(t, w, r)
			send(t, s)
			c.add(time.Minute)
		}
		n, err := s.db.Conn.Pragma("page_count")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	first := size(30)
	if more := size(60) - first; more > 20 {
		t.Errorf("60 batches take %d pages", more)
	}
	expect(t, s, "20", `SELECT count(payload) FROM parts`)
	expect(t, s, "90", `SELECT count(*) FROM parts WHERE state = 'accepted' AND points > 4 AND settled_at > 0 AND resource_id > 0`)
}

// TestTheBatchesOfAMirrorAreBounded, also where parts were set aside long ago.
func TestTheBatchesOfAMirrorAreBounded(t *testing.T) {
	c := newClock()
	path := usedMirror(t, c, fillYear)
	s := open(t, path, c)
	w := newWriter(t, s)
	execute(t, s, `UPDATE parts SET state = 'set aside' WHERE batch_id = 3`)
	for n := range 6 {
		recordAll(t, w, usage(int64(n)+2))
		send(t, s)
	}
	expect(t, s, "3 8 1007", `SELECT min(id) || ' ' || (SELECT min(id) FROM batches WHERE id > 3) || ' ' || max(id) FROM batches`)
	expect(t, s, "1001", `SELECT count(*) FROM parts`)
	expect(t, s, "20", `SELECT count(payload) FROM parts WHERE state <> 'set aside'`)
}
