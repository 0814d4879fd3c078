package localstore

import (
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// TestAnApplicationsLongestTexts are no damage to a second process, nor to the
// next run: nothing that is written is longer than what may be read again.
func TestAnApplicationsLongestTexts(t *testing.T) {
	if testing.Short() {
		t.Skip("writes and reads megabytes")
	}
	list := make([]string, 1100)
	for i := range list {
		list[i] = fmt.Sprintf("%04d", i) + strings.Repeat("x", 1000)
	}
	long, attr := strings.Repeat("é", schema.MaxText), attribute.StringSlice("long", list)
	checkpoints := make([]string, otelusage.MaxCheckpoints)
	for i := range checkpoints {
		checkpoints[i] = fmt.Sprintf("%04d", i) + strings.Repeat("\x01", otelusage.MaxTextLength-4)
	}
	described := func(change func(*series.Metric)) recording.Change {
		series := statistic(version("1"), "n")
		change(series.Metric)
		return add(series, 1)
	}
	for name, r := range map[string]recording.Recording{
		"series":      {Changes: []recording.Change{add(statistic(version("1"), "n", attr), 1), add(statistic(version("1"), "n", attr, attribute.Int("b", 1)), 1)}},
		"resource":    {Changes: []recording.Change{add(statistic(&series.Resource{Attributes: attribute.NewSet(attr)}, "n"), 1)}},
		"scope":       {Changes: []recording.Change{described(func(m *series.Metric) { m.Scope.Attributes = attribute.NewSet(attr) })}},
		"version":     {Changes: []recording.Change{described(func(m *series.Metric) { m.Scope.Version, m.Scope.SchemaURL = long, long })}},
		"name":        {Changes: []recording.Change{described(func(m *series.Metric) { m.Name = long })}},
		"description": {Changes: []recording.Change{described(func(m *series.Metric) { m.Description, m.Unit = long, long })}},
		"state":       {Moves: []recording.Move{{Series: state(version("1"), "s"), State: long, Moved: true}}},
		"checkpoints": {},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := fresh(t) // whose error handler fails the test
			w := newWriter(t, s)
			if name == "checkpoints" {
				if _, err := s.Declare(otelusage.Declaration{Name: "q", Kind: otelusage.KindSequence, Checkpoints: checkpoints, Description: long}); err != nil {
					t.Fatal(err)
				}
			}
			r.MaySend = true
			recordAll(t, w, r)
			beside := newWriter(t, open(t, s.db.Path(), c))
			record(t, beside, add(statistic(version("1"), "other"), 2))
			record(t, w, add(statistic(version("1"), "other"), 3))
			checkBalance(t, s, "other{}", wants{recorded: 5, pending: 5})
			snap, err := s.Snapshot(t.Context(), snapshot.Query{})
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range snap.Trackables {
				if found.Kind == otelusage.KindSequence && len(found.Checkpoints) != len(checkpoints) {
					t.Errorf("%d checkpoints", len(found.Checkpoints))
				}
				if found.Kind == otelusage.KindStatistic && len(r.Changes) > 0 && found.Name != "other" && found.Total.Int64() != int64(len(r.Changes)) {
					t.Errorf("%.20s = %v", found.Name, found.Total)
				}
			}
		})
	}
}

// TestAListOfCheckpointsThatIsTooLong is refused: a funnel with some of its
// checkpoints would be another one.
func TestAListOfCheckpointsThatIsTooLong(t *testing.T) {
	s, _ := fresh(t)
	_, err := s.Declare(otelusage.Declaration{Name: "q", Kind: otelusage.KindSequence, Checkpoints: []string{strings.Repeat("x", schema.MaxCheckpoints)}})
	if err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("declare = %v", err)
	}
}

func TestBoundedAttributesKeepTheShortOnes(t *testing.T) {
	for longest, kept := range map[string]string{"a": "c", "c": "a"} {
		set := attribute.NewSet(attribute.String(longest, strings.Repeat("x", schema.MaxText)), attribute.String("b", "y"), attribute.String(kept, strings.Repeat("x", schema.MaxText/2)))
		got, want := totals.BoundedAttributes(set), series.EncodeAttributes(attribute.NewSet(attribute.String("b", "y"), attribute.String(kept, strings.Repeat("x", schema.MaxText/2))))
		if got != want {
			t.Errorf("%s is too long: %d bytes are left, want %d: %.30s", longest, len(got), len(want), got)
		}
	}
}
