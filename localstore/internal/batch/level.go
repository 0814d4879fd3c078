package batch

import (
	"cmp"
	"database/sql"
	"fmt"
	"slices"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
)

// level removes from a batch what would tell of this installation's past, also under
// other ids: the order in which its series were recorded first, and the descriptions
// of the version that recorded them first. Of an application's own instruments no
// other description is known; an unlinkable batch has none.
func (b *Builder) level() error {
	described := make(map[int64]string)
	err := b.tx.Each(`SELECT m.id, t.description FROM metrics m JOIN trackables t ON t.id = m.trackable_id`,
		func(rows *sql.Rows) error {
			var id int64
			var text string
			err := rows.Scan(&id, &text)
			described[id] = text
			return err
		})
	if err != nil {
		return fmt.Errorf("read descriptions: %w", err)
	}
	for id, w := range b.metrics {
		if id <= 0 || w.Name == totals.ActiveName { // they have what this module says
			continue
		}
		if text, ok := described[id]; ok || b.Identity.Unlinkable {
			w.Description = text
		}
	}
	for _, p := range b.payloads {
		slices.SortStableFunc(p.Points, byName)
	}
	return nil
}

// byName compares points by all that identifies them, so that two installations
// with the same series send them in the same order.
func byName(a, b Point) int {
	return cmp.Or(
		cmp.Compare(a.Metric.ScopeName, b.Metric.ScopeName),
		cmp.Compare(a.Metric.ScopeVersion, b.Metric.ScopeVersion),
		cmp.Compare(string(a.Metric.ScopeAttributes), string(b.Metric.ScopeAttributes)),
		cmp.Compare(a.Metric.Name, b.Metric.Name),
		cmp.Compare(a.Metric.Unit, b.Metric.Unit),
		cmp.Compare(a.Metric.Type, b.Metric.Type),
		compareBools(a.Metric.Monotonic, b.Metric.Monotonic),
		compareBools(a.Metric.Float, b.Metric.Float),
		slices.Compare(a.Metric.Bounds, b.Metric.Bounds),
		cmp.Compare(string(a.Attributes), string(b.Attributes)),
	)
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
