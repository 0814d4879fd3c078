package python

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

// What the Python library calls things.
const (
	tableInfo          = "__tableinfo__"
	submissionsTable   = "__submissions__"
	originalTimeLayout = "02/01/2006 15:04:05" // local time
)

// OriginalRows bounds how many of a trackable's latest changes are read. The
// library keeps 1,000.
const OriginalRows = 10_000

// Contents is what the originals hold.
type Contents struct {
	Trackables  []*Trackable
	Submissions *Trackable // nil: never declared
	Problems    []error    // what had to be left out
}

// Trackable is a trackable of the Python library.
type Trackable struct {
	table, Name, Description string
	Kind                     otelusage.Kind
	listed                   bool
	Count                    int64 // of its changes
	Rows                     []Row
}

// Change is a row: the running total after it.
type Row struct {
	At    int64
	Total float64
	State string
	user  any // who made it; a number where the text looked like one
	part  int // which file it is in: the later one has the later rows
}

func (o *Trackable) Last() Row {
	if len(o.Rows) == 0 {
		return Row{}
	}
	return o.Rows[len(o.Rows)-1]
}

// Whole reports whether all totals are whole numbers that a float tells apart.
func (o *Trackable) Whole() bool {
	for _, r := range o.Rows {
		if r.Total != math.Trunc(r.Total) || math.Abs(r.Total) > 1<<53 {
			return false
		}
	}
	return true
}

// Read reads both files, as they are at one moment, without changing or locking
// them: the program that writes them may be running. It reads a copy where a
// program that was killed left something to be rolled back.
func (r Files) Read(wait time.Duration, now int64, near string) (o *Contents, err error) {
	o, err = r.readFiles(true, wait, now)
	if sqlitedb.HasCode(err, sqlitedb.CodeReadOnly) {
		err = r.copied(near, func(c Files) (err error) {
			o, err = c.readFiles(false, wait, now)
			return err
		})
	}
	return o, err
}

func (r Files) readFiles(readOnly bool, wait time.Duration, now int64) (o *Contents, err error) {
	var files []*sqlitedb.Conn
	defer func() {
		for _, c := range files {
			err = errors.Join(err, c.Rollback(), c.Close())
		}
	}()
	for _, path := range []string{r.Master, r.Part} {
		file, err := os.Stat(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // the library has a part only where it uploads
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
	o = new(Contents)
	if err := o.readTables(files); err != nil {
		return nil, err
	}
	for _, t := range o.All() {
		for part, c := range files {
			if err := o.readRows(c, t, part, now); err != nil {
				return nil, fmt.Errorf("read table %q: %w", t.table, err)
			}
		}
	}
	// Of a table that is neither listed nor has a row nothing is known.
	o.Trackables = slices.DeleteFunc(o.Trackables, func(t *Trackable) bool { return !t.listed && len(t.Rows) == 0 })
	return o, nil
}

func (o *Contents) All() []*Trackable {
	if o.Submissions == nil {
		return o.Trackables
	}
	return append([]*Trackable{o.Submissions}, o.Trackables...)
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
func (o *Contents) readRows(c *sqlitedb.Conn, t *Trackable, part int, now int64) error {
	n, err := c.Find(`SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1`, t.table)
	if err != nil || n == 0 {
		return err
	}
	table := `"` + strings.ReplaceAll(t.table, `"`, `""`) + `"`
	if n, err = c.Find(`SELECT count(*) FROM ` + table); err != nil {
		return err
	}
	before := t.Count
	t.Count += n
	state := "NULL"
	if t.Kind == otelusage.KindState {
		state = "[State]"
	}
	rows := make([]Row, 0, min(n, OriginalRows))
	err = c.Each(`SELECT [UUID], [Count], [Time], `+state+` FROM (SELECT rowid AS position, * FROM `+table+`
		ORDER BY rowid DESC LIMIT ?1) ORDER BY position`, func(row *sql.Rows) error {
		var user, total, at any
		var state sql.NullString
		if err := row.Scan(&user, &total, &at, &state); err != nil {
			return err
		}
		number, ok := originalNumber(total)
		if !ok {
			o.Problems = append(o.Problems, fmt.Errorf("a row of %q is left out: its count is no number", t.table))
			t.Count--
			return nil
		}
		if text, ok := user.([]byte); ok {
			user = string(text)
		}
		rows = append(rows, Row{originalTime(at, now), number, strings.ToValidUTF8(state.String, "\uFFFD"), user, part})
		return nil
	}, OriginalRows)
	if t.endsWith(rows) {
		t.Count = before
		return err
	}
	t.Rows = append(t.Rows, rows...)
	t.repairTimes(now)
	return err
}

// endsWith reports whether the rows of the part are in the master already: a
// program that was killed after an upload has not emptied the part.
func (o *Trackable) endsWith(rows []Row) bool {
	return len(rows) > 0 && len(rows) <= len(o.Rows) && slices.EqualFunc(o.Rows[len(o.Rows)-len(rows):], rows, func(a, b Row) bool {
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
	at, err := time.ParseInLocation(originalTimeLayout, strings.TrimSpace(text), time.Local)
	if err != nil || at.Year() < 1970 || at.Year() > 2200 || at.UnixNano() > now {
		return 0
	}
	return at.UnixNano()
}

// repairTimes gives a row without a time that of the one before it.
func (o *Trackable) repairTimes(now int64) {
	for i := range o.Rows {
		switch {
		case o.Rows[i].At != 0:
		case i > 0:
			o.Rows[i].At = o.Rows[i-1].At
		default:
			o.Rows[i].At = now
		}
	}
}
