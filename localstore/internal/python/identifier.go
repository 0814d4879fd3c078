package python

import (
	"fmt"
	"strconv"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
)

// author is one identifier that rows are made under.
type author struct {
	id    any
	at    int64        // its last row
	part  int          // the file that is in
	after map[any]bool // whose rows come right after one of its own
}

// Identifier returns the identifier that the Python library uploads under, "" where there
// is no row: a program may have had another one at each start, and the last one
// is that of the newest row. Problem says what is wrong with it.
func (o *Contents) Identifier() (id string, problem error) {
	var last *author
	for _, a := range o.authors() {
		if last == nil || !last.isLaterThan(a) {
			last = a
		}
	}
	if last == nil {
		return "", nil
	}
	switch v := last.id.(type) {
	case int64:
		id = strconv.FormatInt(v, 10)
	case float64:
		id = strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		id = v
	}
	if err := schema.CheckInstallationID(id); err != nil {
		return "", fmt.Errorf("the user identifier is left out: %w; InstallationID gives the installation another one", err)
	}
	if _, text := last.id.(string); !text {
		problem = fmt.Errorf("the user identifier %s was stored as a number, and may have been another text, such as 0%s: InstallationID gives the installation the right one", id, id)
	}
	return id, problem
}

// isLaterThan reports whether a made rows after b did, as far as the order of
// rows in a table tells; the clock may have been set.
func (a *author) isLaterThan(b *author) bool {
	switch {
	case b.after[a.id] != a.after[b.id]:
		return b.after[a.id]
	case a.at != b.at:
		return a.at > b.at
	}
	return a.part > b.part
}

// authors returns who made the rows, in the order of the tables.
func (o *Contents) authors() (list []*author) {
	byID := make(map[any]*author)
	for _, t := range o.All() {
		var before *author
		for _, r := range t.Rows {
			if r.user == nil || r.user == "" {
				continue
			}
			a := byID[r.user]
			if a == nil {
				a = &author{id: r.user, after: make(map[any]bool)}
				byID[r.user], list = a, append(list, a)
			}
			if before != nil && before != a {
				before.after[a.id] = true
			}
			a.at, a.part, before = max(a.at, r.At), max(a.part, r.part), a
		}
	}
	return list
}
