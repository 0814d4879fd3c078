package view

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journal"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
)

// TestThePageFollowsAJournal: what a process counts is new data before it is recorded,
// and only then.
func TestThePageFollowsAJournal(t *testing.T) {
	m := newMirror(t)
	kept, err := m.writer.Keep(journal.Config{})
	must(t, err)
	t.Cleanup(m.writer.Close)
	var value atomic.Int64
	var gate journal.Flag
	slot, err := kept.Add(journal.Kept{Series: quests(), Gate: &gate, Read: func(v *journalfile.Value) { v.Int = value.Load() }})
	must(t, err)
	h := newHandler(t, m.Store)
	tag := ""
	for n := range int64(3) {
		value.Store(n)
		slot.Changed()
		r := call(h, "GET", "/data", "", "If-None-Match", tag)
		wantStatus(t, r, http.StatusOK)
		var data struct {
			Statistics []struct{ Value, Unrecorded int64 }
		}
		must(t, json.Unmarshal([]byte(text(t, r)), &data))
		if s := data.Statistics[0]; s.Value != 2+n || s.Unrecorded != n {
			t.Errorf("%+v, want %d", s, 2+n)
		}
		tag = r.Header.Get("ETag")
		wantStatus(t, call(h, "GET", "/data", "", "If-None-Match", tag), http.StatusNotModified)
	}
	if csv := text(t, call(h, "GET", "/usage.csv", "")); !strings.Contains(csv, "quests,Statistic,4,") {
		t.Errorf("csv %q", csv)
	}
	if preview := text(t, call(h, "GET", "/preview", "")); !strings.Contains(preview, `"value":2`) || strings.Contains(preview, `"value":4`) {
		t.Errorf("preview %s", preview)
	}
}
