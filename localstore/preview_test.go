package localstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

func preview(t testing.TB, s *Store, r outbox.Request) *snapshot.Preview {
	t.Helper()
	p, err := s.Preview(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func wires(parts []*series.Part) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(wire(p))
	}
	return b.String()
}

// inTwoVersions has something of every kind to send, states that moved from one
// version's resource to another's included.
func inTwoVersions(t *testing.T) (*Store, *clock) {
	t.Helper()
	s, c := fresh(t)
	w := newWriter(t, s)
	for _, v := range []string{"1.0", "1.1"} {
		r := version(v)
		record(t, w, add(statistic(r, "n"), 2), add(statistic(r, "n", attribute.Bool("b", true)), 1<<53+1),
			recording.Change{Series: floatStatistic(r, "f"), Delta: series.Float64Value(0.1)}, recording.Change{Series: timer(r, "t", timerBounds), Delta: observe(timerBounds, 5, 500)},
			add(sequence(r, "q"), 1))
		for _, name := range []string{"x", "y", "z"} {
			move(t, w, state(r, name), name+v)
		}
		if v == "1.0" {
			submit(t, s)
		}
		c.add(time.Hour)
	}
	for _, name := range []string{"x", "z"} { // two points of one metric, with another's between
		move(t, w, state(version("1.1"), name), "again")
	}
	return s, c
}

func TestPreviewIsTheNextBatch(t *testing.T) {
	s, c := inTwoVersions(t)
	reader := open(t, s.Path(), c, ReadOnly())
	shown := preview(t, reader, outbox.Request{Forwarder: outbox.Delta})
	if shown.Batch != 0 || len(shown.Parts) != 2 {
		t.Fatalf("batch %d of %d parts", shown.Batch, len(shown.Parts))
	}
	again := preview(t, s, outbox.Request{Forwarder: outbox.Delta})
	if wires(again.Parts) != wires(shown.Parts) {
		t.Error("showing it changed it")
	}
	sent := submit(t, s)
	if got, want := wires(sent), wires(shown.Parts); got != want {
		t.Errorf("sent\n%s\npreview\n%s", got, want)
	}
	if left := preview(t, reader, outbox.Request{}); len(left.Parts) != 0 {
		t.Errorf("%d parts are left", len(left.Parts))
	}
}

func TestPreviewShowsASealedBatchAsItWasSealed(t *testing.T) {
	s, c := inTwoVersions(t)
	sealed := preview(t, s, outbox.Request{Forwarder: outbox.Delta})
	sub := mustBegin(t, s)
	if err := sub.Release(sqlitedb.Background, false); err != nil {
		t.Fatal(err)
	}
	c.add(day)
	record(t, writerOf(t, s), add(statistic(version("1.1"), "n"), 100)) // for the batch after it
	shown := preview(t, s, outbox.Request{Forwarder: outbox.Delta})
	if shown.Batch == 0 || wires(shown.Parts) != wires(sealed.Parts) {
		t.Errorf("batch %d\n%s\nwant\n%s", shown.Batch, wires(shown.Parts), wires(sealed.Parts))
	}
	sent := submit(t, s)
	if wires(sent) != wires(shown.Parts) || sent[0].ID != shown.Parts[0].ID {
		t.Errorf("sent\n%s\npreview\n%s", wires(sent), wires(shown.Parts))
	}
}

func TestPreviewOfTotals(t *testing.T) {
	s, _ := inTwoVersions(t)
	for name, r := range map[string]outbox.Request{
		"per resource": request(outbox.Cumulative),
		"merged":       mergedRequest(version("1.1")),
	} {
		shown := preview(t, s, r)
		unnamed := r
		unnamed.Resource = attribute.Set{}
		if guessed := preview(t, s, unnamed); wires(guessed.Parts) != wires(shown.Parts) {
			t.Errorf("%s: under the latest resource\n%s\nwant\n%s", name, wires(guessed.Parts), wires(shown.Parts))
		}
		sent := attemptWith(t, s, r, always(accepted))
		if got := wires(sent); got != wires(shown.Parts) || got == "" {
			t.Errorf("%s: sent\n%s\npreview\n%s", name, got, wires(shown.Parts))
		}
		record(t, writerOf(t, s), add(statistic(version("1.1"), "n"), 1)) // something for the next
	}
}

func TestPreviewChangesNothing(t *testing.T) {
	s, c := inTwoVersions(t)
	path := s.Path()
	closeStore(t, s)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := open(t, path, c, ReadOnly())
	var b bytes.Buffer
	if err := r.WritePreview(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	var document struct {
		Format  string
		Sending bool
		Batch   *int64
		Parts   []struct {
			Start, End time.Time
			Resource   map[string]any
			Scopes     []struct {
				Metrics []struct {
					Name   string
					Points []map[string]json.RawMessage
				}
			}
		}
	}
	if err := json.Unmarshal(b.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	if document.Format != "otelusage-preview" || !document.Sending || document.Batch != nil || len(document.Parts) != 2 ||
		document.Parts[0].Resource["app.installation.id"] != r.InstallationID() {
		t.Errorf("document is %+v", document)
	}
	if !strings.Contains(b.String(), `{"attributes":{"b":true},"value":9007199254740993}`) || strings.Contains(b.String(), `"series"`) {
		t.Errorf("document reads %s", b.String())
	}
	closeStore(t, r)
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed, %v", err)
	}
}

func TestPreviewSaysWhatConsentKeepsBack(t *testing.T) {
	s, _ := inTwoVersions(t)
	mustBegin(t, s)
	setMode(t, s, consent.ModeLocal)
	p := preview(t, s, outbox.Request{})
	if p.Consent.Sending || p.Batch == 0 || len(p.Parts) == 0 {
		t.Errorf("sending %v, batch %d, %d parts", p.Consent.Sending, p.Batch, len(p.Parts))
	}
}

func TestSentShowsWhatWasAccepted(t *testing.T) {
	s, c := inTwoVersions(t)
	parts := submit(t, s)
	all, err := s.Sent(t.Context(), 0)
	if err != nil || len(all) != 3 {
		t.Fatalf("%d parts, %v", len(all), err)
	}
	sent, err := s.Sent(t.Context(), parts[0].Batch)
	if err != nil || len(sent) != 2 {
		t.Fatalf("%d parts, %v", len(sent), err)
	}
	for i, p := range sent {
		if wire(p.Part) != wire(parts[i]) || p.Outcome != outbox.Accepted || !p.SettledAt.Equal(c.at) {
			t.Errorf("part %d is %v %v\n%s", i, p.Outcome, p.SettledAt, wire(p.Part))
		}
	}
	if text, err := json.Marshal(sent[0]); err != nil || !strings.HasPrefix(string(text), `{"outcome":"accepted","settled_at":"2026-03-04T07:06:07Z","rejected":0,"id":`) {
		t.Errorf("JSON is %s, %v", text, err)
	}
	if _, err := s.Sent(t.Context(), 99); !errors.Is(err, snapshot.ErrNoPayload) {
		t.Errorf("of no batch: %v", err)
	}
}
