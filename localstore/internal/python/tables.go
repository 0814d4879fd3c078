package python

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// listed is what the Python library says of a trackable.
type listed struct{ name, kind, description string }

// candidate is what may be a trackable: listed, or with a table, or both.
type candidate struct {
	*Trackable
	shape tableShape // 0: no table
}

// errNoOriginal is met in a database that is not the Python library's.
var errNoOriginal = errors.New("there is no table of the Python library")

// readTables reads which trackables there are. The tables decide: the list is
// committed when the program closes, and names what it then refused.
func (o *Contents) readTables(files []*sqlitedb.Conn) error {
	var list []listed
	tables := make(map[string]tableShape)
	var names []string // of the tables, in the order in which they were made
	for _, c := range files {
		found, err := originalTables(c)
		if err != nil {
			return fmt.Errorf("read tables: %w", err)
		}
		if len(found) == 0 {
			if err := refuseFilled(c); err != nil {
				return err
			}
		}
		for _, t := range found {
			if t.shape == listShape {
				if list, err = readList(c, list); err != nil {
					return fmt.Errorf("read %s: %w", tableInfo, err)
				}
			} else if tables[t.name] == 0 {
				tables[t.name], names = t.shape, append(names, t.name)
			}
		}
	}
	var candidates []candidate
	for _, l := range list {
		if c, ok := o.candidate(l, tables[l.name]); ok {
			candidates = append(candidates, c)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(candidates, func(c candidate) bool { return c.table == name }) {
			candidates = append(candidates, candidate{&Trackable{table: name, Kind: tables[name].kind()}, tables[name]})
		}
	}
	o.nameAll(candidates)
	return nil
}

// refuseFilled refuses a database that has something else in it. The first
// transaction of a killed program may have been rolled back.
func refuseFilled(c *sqlitedb.Conn) error {
	n, err := c.Find(`SELECT count(*) FROM sqlite_schema`)
	if err == nil && n > 0 {
		err = errNoOriginal
	}
	return err
}

// readList adds to a list those that a file lists first.
func readList(c *sqlitedb.Conn, list []listed) ([]listed, error) {
	err := c.Each(`SELECT [TableName], [Type], [Description] FROM `+tableInfo, func(rows *sql.Rows) error {
		var name, kind, description sql.NullString
		if err := rows.Scan(&name, &kind, &description); err != nil {
			return err
		}
		if !slices.ContainsFunc(list, func(l listed) bool { return l.name == name.String }) {
			list = append(list, listed{name.String, kind.String, strings.ToValidUTF8(description.String, "\uFFFD")})
		}
		return nil
	})
	return list, err
}

// candidate joins what is listed with its table.
func (o *Contents) candidate(l listed, shape tableShape) (c candidate, ok bool) {
	c = candidate{&Trackable{table: l.name, Description: l.description, listed: true}, shape}
	c.Kind, ok = otelusage.ParseKind(strings.ToLower(l.kind))
	if shape != 0 && (!ok || c.Kind == otelusage.KindState && shape != stateShape) {
		c.Kind, ok = shape.kind(), true
	}
	switch {
	case !ok:
		o.Problems = append(o.Problems, fmt.Errorf("%q is left out: it is of unknown type %q", l.name, l.kind))
	case l.name == "":
		ok = false
		o.Problems = append(o.Problems, errors.New("a trackable without a name is left out"))
	}
	return c, ok
}

// kind is what a table is taken for that nothing else tells of, until the
// application declares what it is.
func (s tableShape) kind() otelusage.Kind {
	if s == stateShape {
		return otelusage.KindState
	}
	return otelusage.KindStatistic
}

// nameAll names the trackables as they can be declared. The Python library has no
// rule for names. Of several that come to one name, those with a table go first,
// and of these the one that has it in that spelling: 'Unit System' is listed
// before it is refused, and lives on as 'Unit_System'.
func (o *Contents) nameAll(candidates []candidate) {
	if i := slices.IndexFunc(candidates, func(c candidate) bool { return c.table == submissionsTable }); i >= 0 {
		o.Submissions = candidates[i].Trackable
		candidates = slices.Delete(candidates, i, i+1)
	}
	ranked := slices.Clone(candidates)
	slices.SortStableFunc(ranked, func(a, b candidate) int { return b.rank() - a.rank() })
	taken := make(map[string]*Trackable)
	var late []candidate
	for _, c := range ranked {
		name := otelusage.SuggestName(c.table)
		if key := strings.ToLower(name); taken[key] == nil {
			c.Name, taken[key] = name, c.Trackable
		} else if c.shape != 0 {
			late = append(late, c)
		}
	}
	for _, c := range late {
		name := otelusage.SuggestName(c.table)
		first := taken[strings.ToLower(name)]
		for n := 2; c.Name == ""; n++ {
			if other := numbered(name, n); taken[strings.ToLower(other)] == nil {
				c.Name, taken[strings.ToLower(other)] = other, c.Trackable
			}
		}
		o.Problems = append(o.Problems, fmt.Errorf("%q and %q are both %q here: the latter is taken over as %q", first.table, c.table, name, c.Name))
	}
	for _, c := range candidates {
		if c.Name != "" {
			o.Trackables = append(o.Trackables, c.Trackable)
		}
	}
}

func (c candidate) rank() (rank int) {
	if c.shape != 0 {
		rank = 2
	}
	if otelusage.SuggestName(c.table) == c.table {
		rank++
	}
	return rank
}

// numbered tells a name apart from others.
func numbered(name string, n int) string {
	suffix := "_" + strconv.Itoa(n)
	return name[:min(len(name), otelusage.MaxNameLength-len(suffix))] + suffix
}
