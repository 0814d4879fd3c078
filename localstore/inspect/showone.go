package inspect

import (
	"context"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/show"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/terminal"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

// find reads everything with a name, or suggests the nearest name.
func (s *session) find(ctx context.Context, store *localstore.Store, q snapshot.Query) (*snapshot.Snapshot, error) {
	snap, err := store.Snapshot(ctx, q)
	if err == nil && len(snap.Trackables)+len(snap.Others) == 0 && strings.Contains(q.Name, " ") {
		q.Name = strings.ReplaceAll(q.Name, " ", "_") // as declarations do
		snap, err = store.Snapshot(ctx, q)
	}
	if err != nil || len(snap.Trackables)+len(snap.Others) > 0 {
		return snap, err
	}
	all, err := store.Snapshot(ctx, snapshot.Query{})
	if err != nil {
		return nil, err
	}
	return nil, s.unknown("trackable", q.Name, names(all))
}

func (s *session) showOne(ctx context.Context, store *localstore.Store, name string, days int) error {
	from := s.opts.Now().UTC().Truncate(terminal.Day).Add(-time.Duration(days-1) * terminal.Day)
	snap, err := s.find(ctx, store, snapshot.Query{Name: name, Days: true, History: true, Since: from})
	if err != nil {
		return err
	}
	if s.json {
		return s.Escaped(snap.WriteJSON)
	}
	for i, t := range snap.Trackables {
		if i > 0 {
			s.Line("")
		}
		show.Trackable(s.Printer, snap, t, from, days)
	}
	if len(snap.Others) > 0 {
		s.Title("%s", terminal.Plain(snap.Others[0].Metric.Name))
		show.Series(s.Printer, snap.Others)
	}
	show.Freshness(s.Printer, snap)
	return nil
}
