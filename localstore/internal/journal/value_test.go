package journal

import (
	"os"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// TestEachKindSurvives a death at once, with its identity.
func TestEachKindSurvives(t *testing.T) {
	path := mirrorPath(t)
	j := take(t, configOf(t, path))
	long := numberOf("long", attribute.String("key", strings.Repeat("v", 90_000)), attribute.Int("n", 1),
		attribute.Float64("f", 1.5), attribute.Bool("b", true), attribute.StringSlice("list", []string{"a", "b"}))
	all := []*counter{
		keep(t, j, numberOf(strings.Repeat("n", 255))), keep(t, j, floatOf("float")), keep(t, j, timesOf("times")),
		keep(t, j, stateOf("state")), keep(t, j, long),
	}
	for range 3 {
		for _, c := range all {
			c.count(strings.Repeat("s", journalfile.MaxState))
		}
	}
	keep(t, j, numberOf("never")) // leaves nothing
	die(j)
	found := journalpool.List(path)
	if len(found) != 1 || found[0].Standing != journalpool.Dead || len(found[0].Content.Damage) > 0 {
		t.Fatalf("found %+v", found)
	}
	c := found[0].Content
	if c.Mirror != "mirror-1" || c.Writer != "writer-1" || c.PID != int64(os.Getpid()) || c.Superseded {
		t.Errorf("content %+v", c)
	}
	seq, o, exact, ok := c.Holding(0, false)
	if seq != 0 || o != sharing || !exact || !ok {
		t.Errorf("holding %d %+v %v %v", seq, o, exact, ok)
	}
	list := c.Differences(seq)
	if len(list) != len(all) {
		t.Fatalf("%d differences", len(list))
	}
	for i, d := range list {
		want := all[i]
		m, w := d.Series.Metric, want.series.Metric
		if m.Name != w.Name || m.Unit != w.Unit || m.Description != w.Description || m.Type != w.Type || m.Float != w.Float ||
			m.Monotonic != w.Monotonic || !slices.Equal(m.Bounds, w.Bounds) || m.Scope.Name != "scope" || m.Scope.Version != "1" ||
			m.Scope.Attributes != testScope.Attributes || d.Series.Attributes != want.series.Attributes ||
			d.Series.Resource.Attributes != testResource.Attributes {
			t.Errorf("series %+v of %+v", d.Series, m)
		}
		if !d.Delta.Nearly(want.shape.SeriesValue(&want.v, w.Bounds)) && want.shape.Kind != journalfile.KindState || d.State != want.v.State || d.Moves != want.v.Moves {
			t.Errorf("%s: %v %q %d, want %+v", w.Name, d.Delta, d.State, d.Moves, want.v)
		}
	}
}

// TestTheRoundingOfABase that advanced by differences is no count.
func TestTheRoundingOfABase(t *testing.T) {
	a, b := 0.1, 0.2
	s := journalfile.Shape{Kind: journalfile.KindFloat64}
	if d, ok := s.Minus(journalfile.Value{Float: a + b}, journalfile.Value{Float: 0.3}, true); !ok || !s.IsZero(&d) {
		t.Errorf("difference %v, %v", d, ok)
	}
	if d, ok := s.Minus(journalfile.Value{Float: 0.3}, journalfile.Value{Float: a + b}, true); !ok || !s.IsZero(&d) {
		t.Errorf("difference %v, %v", d, ok)
	}
	if d, _ := s.Minus(journalfile.Value{Float: 1e9 + 0.5}, journalfile.Value{Float: 1e9}, true); d.Float != 0.5 {
		t.Errorf("difference %v", d)
	}
}
