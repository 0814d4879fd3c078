package localstore

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

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
	user        string
	trackables  []*original
	submissions *original // nil: never declared
	problems    []error   // what had to be left out
}

// original is a trackable of the reference.
type original struct {
	table, name, description string
	kind                     otelusage.Kind
	count                    int64 // of its changes
	rows                     []change
}

// change is a row: the running total after it.
type change struct {
	at    int64
	total float64
	state string
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
// them: the program that writes them may be running.
func (r reference) read(wait time.Duration, now int64) (o *origin, err error) {
	var files []*connection
	defer func() {
		for _, c := range files {
			err = errors.Join(err, c.rollback(), c.close())
		}
	}()
	for _, path := range []string{r.master, r.part} {
		file, err := os.Stat(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // the reference has a part only where it uploads
		}
		if err == nil && !file.Mode().IsRegular() {
			return nil, fmt.Errorf("open %s: it is %s", path, irregular(file.Mode()))
		}
		if err == nil { // a stranger could put a pipe in its place now
			err = checkReached(path, file)
		}
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
		c, err := connect(path, true, wait)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
		files = append(files, c)
		if err := c.beginOriginal(); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
	}
	o = new(origin)
	if err := o.readTables(files); err != nil {
		return nil, err
	}
	for _, t := range o.all() {
		for _, c := range files {
			if err := o.readRows(c, t, now); err != nil {
				return nil, fmt.Errorf("read table %q: %w", t.table, err)
			}
		}
	}
	return o, nil
}

func (o *origin) all() []*original {
	if o.submissions == nil {
		return o.trackables
	}
	return append([]*original{o.submissions}, o.trackables...)
}

// beginOriginal begins to read one state of a file, if it is sound.
func (c *connection) beginOriginal() error {
	if err := c.run("BEGIN"); err != nil {
		return err
	}
	var verdict string
	if err := c.conn.QueryRowContext(background, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return errors.New(verdict)
	}
	return nil
}

// readTables reads which trackables there are: whichever of the files existed
// first lists them.
func (o *origin) readTables(files []*connection) error {
	names := new(otelusage.Tracker) // knows which names are allowed
	seen, listed := make(map[string]bool), false
	for _, c := range files {
		n, err := c.find(`SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1`, tableInfo)
		if err != nil {
			return fmt.Errorf("read tables: %w", err)
		}
		if n == 0 {
			continue
		}
		listed = true
		err = c.each(`SELECT [TableName], [Type], [Description] FROM `+tableInfo, func(rows *sql.Rows) error {
			var name, kind, description sql.NullString
			if err := rows.Scan(&name, &kind, &description); err != nil {
				return err
			}
			if !seen[name.String] {
				seen[name.String] = true
				o.declare(names, name.String, kind.String, description.String)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("read %s: %w", tableInfo, err)
		}
	}
	if !listed {
		return fmt.Errorf("there is no table %s", tableInfo)
	}
	return nil
}

func (o *origin) declare(names *otelusage.Tracker, name, kind, description string) {
	t := &original{table: name, description: strings.ToValidUTF8(description, "\uFFFD")}
	var ok bool
	if t.kind, ok = otelusage.ParseKind(strings.ToLower(kind)); !ok {
		o.problems = append(o.problems, fmt.Errorf("%q is of unknown type %q", name, kind))
		return
	}
	if name == submissionsTable {
		o.submissions = t
		return
	}
	named, err := names.Statistic(name)
	if err != nil {
		o.problems = append(o.problems, err)
		return
	}
	t.name = named.Name()
	o.trackables = append(o.trackables, t)
}

// readRows appends the latest rows that a file has of a trackable.
func (o *origin) readRows(c *connection, t *original, now int64) error {
	n, err := c.find(`SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1`, t.table)
	if err != nil || n == 0 {
		return err
	}
	table := `"` + strings.ReplaceAll(t.table, `"`, `""`) + `"`
	if n, err = c.find(`SELECT count(*) FROM ` + table); err != nil {
		return err
	}
	t.count += n
	state := "NULL"
	if t.kind == otelusage.KindState {
		state = "[State]"
	}
	rows := make([]change, 0, min(n, originalRows))
	err = c.each(`SELECT [UUID], [Count], [Time], `+state+` FROM (SELECT rowid AS position, * FROM `+table+`
		ORDER BY rowid DESC LIMIT ?1) ORDER BY position`, func(row *sql.Rows) error {
		var user, total, at any
		var state sql.NullString
		if err := row.Scan(&user, &total, &at, &state); err != nil {
			return err
		}
		number, ok := originalNumber(total)
		if !ok {
			o.problems = append(o.problems, fmt.Errorf("%q has a count that is no number", t.table))
			t.count--
			return nil
		}
		if o.user == "" && user != nil {
			o.user = fmt.Sprint(user)
		}
		rows = append(rows, change{originalTime(at, now), number, strings.ToValidUTF8(state.String, "\uFFFD")})
		return nil
	}, originalRows)
	t.rows = append(t.rows, rows...)
	t.repairTimes(now)
	return err
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
