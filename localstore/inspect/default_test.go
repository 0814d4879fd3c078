package inspect

import (
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// TestInitialStatesAreMarked until one is set.
func TestInitialStatesAreMarked(t *testing.T) {
	r := newRecorder(t)
	server := newSeries(resourceOf("1.0.0"), otelusage.KindState, series.Metric{Name: "server", Type: series.TypeGauge})
	for _, tt := range []struct {
		moved  bool
		marked bool
	}{{false, true}, {true, false}} {
		r.record(recording.Recording{Moves: []recording.Move{{Series: server, State: "Avalon", Moved: tt.moved}}})
		for _, args := range [][]string{{"show"}, {"show", "server"}} {
			out := r.run(args...).out
			if strings.Contains(out, "Avalon (default)") != tt.marked || !strings.Contains(out, "Avalon") {
				t.Errorf("%v, moved %t:\n%s", args, tt.moved, out)
			}
		}
		if out := r.run("show", "--json").out; strings.Contains(out, `"default": true`) != tt.marked && strings.Contains(out, `"default":true`) != tt.marked {
			t.Errorf("moved %t:\n%s", tt.moved, out)
		}
	}
}
