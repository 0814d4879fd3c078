package localstore

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
)

func TestExamineASoundMirror(t *testing.T) {
	s := played(t)
	var steps, of int
	h, err := s.Examine(t.Context(), func(done, all int) {
		if done != steps {
			t.Errorf("step %d after %d", done, steps-1)
		}
		steps, of = steps+1, all
	})
	if err != nil || !h.Sound() || steps != of || steps < len(schema.Tables) {
		t.Fatalf("%+v, %d of %d steps, %v", h, steps, of, err)
	}
	balance, err := s.Balance(t.Context())
	if err != nil || len(h.Balances) != len(balance) || len(balance) == 0 {
		t.Errorf("%d balances, want %d, %v", len(h.Balances), len(balance), err)
	}
	if h.Schema != schema.Version || h.Journal != "wal" || h.Size == 0 || len(h.Tables) != len(schema.Tables) || h.Path != s.Path() {
		t.Errorf("health is %+v", h)
	}
	rows := make(map[string]int64)
	for _, x := range h.Tables {
		rows[x.Name] = x.Rows
	}
	if rows["mirror"] != 1 || rows["trackables"] != 8 || rows["totals"] != int64(len(balance)) {
		t.Errorf("rows are %v", rows)
	}
	if len(h.Forwarders) != 1 || h.Forwarders[0].Accepted != 1 {
		t.Errorf("forwarders are %+v", h.Forwarders)
	}
}

// TestExamineKnowsEveryTable: one that a later schema adds must not be forgotten.
func TestExamineKnowsEveryTable(t *testing.T) {
	s, _ := fresh(t)
	n, err := s.db.Conn.Find(`SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
	if err != nil || n != int64(len(schema.Tables)) {
		t.Errorf("%d tables, %d are examined, %v", n, len(schema.Tables), err)
	}
}

func TestExamineFindsWhatIsOff(t *testing.T) {
	s := played(t)
	path := s.Path()
	if _, err := s.db.Conn.Exec(`UPDATE totals SET accepted = coalesce(accepted, 0) + 1 WHERE series_id = 1`); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	r, err := Open(path, ReadOnly())
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, r)
	h, err := r.Examine(t.Context(), nil)
	if err != nil || h.Sound() || len(h.Damage) != 0 {
		t.Errorf("damage %v, %v", h.Damage, err)
	}
}

func TestExamineFindsDamage(t *testing.T) {
	s := played(t)
	path := s.Path()
	// An index that misses a row is what a lost write leaves.
	_, err := s.db.Conn.Exec(`PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'days')
		WHERE name = 'history'; PRAGMA writable_schema = OFF`)
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	r, err := Open(path, ReadOnly())
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, r)
	h, err := r.Examine(t.Context(), nil)
	if err != nil || h.Sound() || !strings.Contains(strings.Join(h.Damage, "\n"), "history") {
		t.Errorf("damage %v, %v", h.Damage, err)
	}
}

func TestExamineEndsWithItsContext(t *testing.T) {
	s := played(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.Examine(ctx, func(done, _ int) {
		if done == 3 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}
