package localstore

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// What the reference implementation calls things.
const (
	tableInfo           = "__tableinfo__"
	submissionsTable    = "__submissions__"
	referenceTimeLayout = "02/01/2006 15:04:05" // local time
)

// originalRows bounds how many of a trackable's latest changes are read. The
// reference keeps 1,000.
const originalRows = 10_000

// origin is what the files of the reference hold.
type origin struct {
	trackables  []*original
	submissions *original // nil: never declared
	problems    []error   // what had to be left out
}

// original is a trackable of the reference.
type original struct {
	table, name, description string
	kind                     otelusage.Kind
	listed                   bool
	count                    int64 // of its changes
	rows                     []change
}

// change is a row: the running total after it.
type change struct {
	at    int64
	total float64
	state string
	user  any // who made it; a number where the text looked like one
	part  int // which file it is in: the later one has the later rows
}

func (o *original) last() change {
	if len(o.rows) == 0 {
		return change{}
	}
	return o.rows[len(o.rows)-1]
}

// whole reports whether all totals are whole numbers that a float tells apart.
func (o *original) whole() bool {
	for _, r := range o.rows {
		if r.total != math.Trunc(r.total) || math.Abs(r.total) > 1<<53 {
			return false
		}
	}
	return true
}

// read reads both files, as they are at one moment, without changing or locking
// them: the program that writes them may be running. It reads a copy where a
// program that was killed left something to be rolled back.
func (r reference) read(wait time.Duration, now int64, near string) (o *origin, err error) {
	o, err = r.readFiles(true, wait, now)
	if sqlitedb.HasCode(err, sqlitedb.CodeReadOnly) {
		err = r.copied(near, func(c reference) (err error) {
			o, err = c.readFiles(false, wait, now)
			return err
		})
	}
	return o, err
}

func (r reference) readFiles(readOnly bool, wait time.Duration, now int64) (o *origin, err error) {
	var files []*sqlitedb.Conn
	defer func() {
		for _, c := range files {
			err = errors.Join(err, c.Rollback(), c.Close())
		}
	}()
	for _, path := range []string{r.master, r.part} {
		file, err := os.Stat(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // the reference has a part only where it uploads
		}
		if err == nil && !file.Mode().IsRegular() {
			return nil, fmt.Errorf("open %s: it is %s", path, place.Irregular(file.Mode()))
		}
		if err == nil { // a stranger could put a pipe in its place now
			err = place.CheckReached(path, file)
		}
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
		if file.Size() == 0 {
			continue // as the master is until the first upload
		}
		c, err := sqlitedb.Open(path, readOnly, wait)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
		files = append(files, c)
		if err := beginOriginal(c); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
	}
	o = new(origin)
	if err := o.readTables(files); err != nil {
		return nil, err
	}
	for _, t := range o.all() {
		for part, c := range files {
			if err := o.readRows(c, t, part, now); err != nil {
				return nil, fmt.Errorf("read table %q: %w", t.table, err)
			}
		}
	}
	// Of a table that is neither listed nor has a row nothing is known.
	o.trackables = slices.DeleteFunc(o.trackables, func(t *original) bool { return !t.listed && len(t.rows) == 0 })
	return o, nil
}

func (o *origin) all() []*original {
	if o.submissions == nil {
		return o.trackables
	}
	return append([]*original{o.submissions}, o.trackables...)
}

// beginOriginal begins to read one state of a file, if it is sound.
func beginOriginal(c *sqlitedb.Conn) error {
	if err := c.Run("BEGIN"); err != nil {
		return err
	}
	var verdict string
	if err := c.QueryRow("PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return errors.New(verdict)
	}
	return nil
}

// readRows appends the latest rows that a file has of a trackable.
func (o *origin) readRows(c *sqlitedb.Conn, t *original, part int, now int64) error {
	n, err := c.Find(`SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1`, t.table)
	if err != nil || n == 0 {
		return err
	}
	table := `"` + strings.ReplaceAll(t.table, `"`, `""`) + `"`
	if n, err = c.Find(`SELECT count(*) FROM ` + table); err != nil {
		return err
	}
	before := t.count
	t.count += n
	state := "NULL"
	if t.kind == otelusage.KindState {
		state = "[State]"
	}
	rows := make([]change, 0, min(n, originalRows))
	err = c.Each(`SELECT [UUID], [Count], [Time], `+state+` FROM (SELECT rowid AS position, * FROM `+table+`
		ORDER BY rowid DESC LIMIT ?1) ORDER BY position`, func(row *sql.Rows) error {
		var user, total, at any
		var state sql.NullString
		if err := row.Scan(&user, &total, &at, &state); err != nil {
			return err
		}
		number, ok := originalNumber(total)
		if !ok {
			o.problems = append(o.problems, fmt.Errorf("a row of %q is left out: its count is no number", t.table))
			t.count--
			return nil
		}
		if text, ok := user.([]byte); ok {
			user = string(text)
		}
		rows = append(rows, change{originalTime(at, now), number, strings.ToValidUTF8(state.String, "\uFFFD"), user, part})
		return nil
	}, originalRows)
	if t.endsWith(rows) {
		t.count = before
		return err
	}
	t.rows = append(t.rows, rows...)
	t.repairTimes(now)
	return err
}

// endsWith reports whether the rows of the part are in the master already: a
// program that was killed after an upload has not emptied the part.
func (o *original) endsWith(rows []change) bool {
	return len(rows) > 0 && len(rows) <= len(o.rows) && slices.EqualFunc(o.rows[len(o.rows)-len(rows):], rows, func(a, b change) bool {
		b.part = a.part
		return a == b
	})
}

func originalNumber(column any) (float64, bool) {
	var f float64
	switch v := column.(type) {
	case int64:
		f = float64(v)
	case float64:
		f = v
	case string:
		var err error
		if f, err = strconv.ParseFloat(strings.TrimSpace(v), 64); err != nil {
			return 0, false
		}
	default:
		return 0, false
	}
	return f, !math.IsNaN(f) && !math.IsInf(f, 0)
}

// originalTime returns 0 for a time that does not read or has not come yet.
func originalTime(column any, now int64) int64 {
	text, _ := column.(string)
	at, err := time.ParseInLocation(referenceTimeLayout, strings.TrimSpace(text), time.Local)
	if err != nil || at.Year() < 1970 || at.Year() > 2200 || at.UnixNano() > now {
		return 0
	}
	return at.UnixNano()
}

// repairTimes gives a row without a time that of the one before it.
func (o *original) repairTimes(now int64) {
	for i := range o.rows {
		switch {
		case o.rows[i].at != 0:
		case i > 0:
			o.rows[i].at = o.rows[i-1].at
		default:
			o.rows[i].at = now
		}
	}
}
