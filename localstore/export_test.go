package localstore

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

var exports = map[string]func(*Store, io.Writer) error{
	"csv":    func(s *Store, w io.Writer) error { return s.WriteCSV(w, snapshot.OrderByType) },
	"report": (*Store).WriteReport,
	"json":   (*Store).WriteJSON,
}

func export(t testing.TB, s *Store, name string) string {
	t.Helper()
	var b bytes.Buffer
	if err := exports[name](s, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// csvColumn returns the cells of one column by name.
func csvColumn(t testing.TB, s *Store, column int) map[string]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(export(t, s, "csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	cells := make(map[string]string)
	for _, row := range rows[1:] {
		cells[row[0]] = row[column]
	}
	return cells
}

// decoded is a JSON export with its numbers as they are written.
func decoded(t testing.TB, s *Store) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(export(t, s, "json")))
	d.UseNumber()
	var document map[string]any
	if err := d.Decode(&document); err != nil {
		t.Fatal(err)
	}
	return document
}

func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			v = v.(map[string]any)[p]
		case int:
			v = v.([]any)[p]
		}
	}
	return v
}

// played is game with all that an export shows: days, a funnel, a history of
// states, a batch in flight.
func played(t *testing.T) *Store {
	t.Helper()
	s := game(t)
	c := newClock()
	c.add(day + time.Hour)
	s.db.Now = c.now
	w, r := writerOf(t, s), version("1.1")
	hits := statistic(r, "intro"+otelusage.CheckpointsSuffix, otelusage.CheckpointKey.String("it's"))
	hits.Metric.Scope = scope(otelusage.KindSequence)
	record(t, w, add(statistic(r, "quests"), -5), add(hits, 3), add(stateChanges(r, "difficulty", "easy, <really>"), 1))
	move(t, w, state(r, "difficulty"), "easy, <really>")
	mustBegin(t, s)
	c.add(time.Second)
	record(t, w, recording.Change{Series: timer(r, "play_time", timerBounds), Delta: observe(timerBounds, 0.5)})
	return s
}

func TestExportGolden(t *testing.T) {
	s := played(t)
	for name := range exports {
		got := strings.NewReplacer(s.db.Identity().Mirror, "MIRROR", s.db.Identity().Installation, "INSTALLATION").Replace(export(t, s, name))
		golden := filepath.Join("testdata", "export."+name)
		if *update {
			write(t, golden, []byte(got))
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		// A checkout may have changed the line ends.
		if strings.ReplaceAll(got, "\r\n", "\n") != strings.ReplaceAll(string(want), "\r\n", "\n") {
			t.Errorf("%s reads\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestCSVOrder(t *testing.T) {
	s, _ := fresh(t)
	for _, d := range []otelusage.Declaration{
		{Name: "b", Kind: otelusage.KindSequence}, {Name: "A", Kind: otelusage.KindTimer},
		{Name: "C", Kind: otelusage.KindSequence}, {Name: "a", Kind: otelusage.KindStatistic},
	} {
		declare(t, s, d)
	}
	for order, want := range map[snapshot.Order]string{
		snapshot.OrderByType: "Name,Type,Value,Description\r\nb,Sequence,0,\r\nC,Sequence,0,\r\na,Statistic,0,\r\nA,Timer,0,\r\n",
		snapshot.OrderByName: "Name,Type,Value,Description\r\nA,Timer,0,\r\na,Statistic,0,\r\nb,Sequence,0,\r\nC,Sequence,0,\r\n",
	} {
		var b strings.Builder
		if err := s.WriteCSV(&b, order); err != nil || b.String() != want {
			t.Errorf("order %d: %q, %v, want %q", order, b.String(), err, want)
		}
	}
	if err := s.WriteCSV(io.Discard, 7); err == nil {
		t.Error("order 7 was taken")
	}
}

func TestCSVNeutralisesFormulas(t *testing.T) {
	if testing.Short() {
		t.Skip("opens dozens of mirrors")
	}
	for text, want := range map[string]string{
		"=cmd()": "'=cmd()", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\r=x": "'\n=x", "\n=x": "'\n=x",
		"  =x": "'  =x", "\uFF1Dx": "'\uFF1Dx", "a=b": "a=b", "": "", " ": " ", "O'Hara; --": "O'Hara; --",
		`say "hi", you`: `say "hi", you`, "two\r\nlines\rthree": "two\nlines\nthree", "Zürich": "Zürich",
	} {
		s, _ := fresh(t)
		declare(t, s, otelusage.Declaration{Name: "x", Kind: otelusage.KindState, Description: text})
		if text != "" {
			move(t, newWriter(t, s), state(version("1"), "x"), text)
			if got := csvColumn(t, s, 2)["x"]; got != want {
				t.Errorf("state %q reads %q, want %q", text, got, want)
			}
		}
		if got := csvColumn(t, s, 3)["x"]; got != want {
			t.Errorf("description %q reads %q, want %q", text, got, want)
		}
		lines := strings.Split(strings.TrimSuffix(export(t, s, "report"), "\n"), "\n")
		if len(lines) != 17 || strings.ContainsAny(strings.Join(lines, ""), "\t\r") {
			t.Errorf("report of %q: %q", text, lines)
		}
		if got := at(decoded(t, s), "states", 0, "description"); got != text {
			t.Errorf("JSON: description %q, want %q", got, text)
		}
	}
}

func TestExportKeepsNumbersAsNumbers(t *testing.T) {
	s, _ := fresh(t)
	w := newWriter(t, s)
	r := version("1")
	record(t, w, add(statistic(r, "debt"), -7), recording.Change{Series: floatStatistic(r, "tiny"), Delta: series.Float64Value(-2e-6)},
		recording.Change{Series: floatStatistic(r, "large"), Delta: series.Float64Value(12345678.5)}, recording.Change{Series: floatStatistic(r, "huge"), Delta: series.Float64Value(1e300)},
		add(statistic(r, "near"), math.MaxInt64-1), add(statistic(version("2"), "near"), math.MaxInt64-1),
		add(statistic(r, "exact"), 1<<53), add(statistic(version("2"), "exact"), 1),
		add(statistic(r, "both"), 3), recording.Change{Series: floatStatistic(version("2"), "both"), Delta: series.Float64Value(1.5)})
	got := csvColumn(t, s, 2)
	for name, want := range map[string]string{"debt": "-7", "tiny": "-0.000002", "large": "12345678.5", "huge": "1e+300",
		"near": "9223372036854775807", "exact": "9007199254740993", "both": "4.5"} {
		if got[name] != want {
			t.Errorf("%s = %s, want %s", name, got[name], want)
		}
	}
	for _, x := range at(decoded(t, s), "statistics").([]any) {
		if want := json.Number(got[at(x, "name").(string)]); at(x, "name") != "tiny" && at(x, "value") != want {
			t.Errorf("JSON: %v = %v, want %v", at(x, "name"), at(x, "value"), want)
		}
	}
}

func TestExportOfAnEmptyMirror(t *testing.T) {
	s, _ := fresh(t)
	if got := export(t, s, "csv"); got != "Name,Type,Value,Description\r\n" {
		t.Errorf("csv reads %q", got)
	}
	if got := strings.Count(export(t, s, "report"), "(none)\n"); got != 4 {
		t.Errorf("%d sections say (none), want 4", got)
	}
	document := decoded(t, s)
	for _, list := range []string{"statistics", "states", "timers", "sequences", "metrics", "submissions"} {
		if got, ok := document[list].([]any); !ok || len(got) != 0 {
			t.Errorf("%s = %v, want []", list, document[list])
		}
	}
	if id := at(document, "mirror", "installation_id"); id != s.InstallationID() {
		t.Errorf("installation_id = %v", id)
	}
}

func TestExportShowsAClearedStateAsNone(t *testing.T) {
	s, _ := fresh(t)
	w, x := newWriter(t, s), state(version("1"), "x")
	move(t, w, x, "on")
	move(t, w, x, otelusage.NoState)
	if got := csvColumn(t, s, 2)["x"]; got != "No Initial State" {
		t.Errorf("value = %q", got)
	}
	got := at(decoded(t, s), "states", 0)
	if at(got, "state") != nil || at(got, "history", 0, "state") != "on" || at(got, "history", 1, "state") != nil {
		t.Errorf("JSON: %v", got)
	}
}

func TestExportReportsAFailingWriter(t *testing.T) {
	s := game(t)
	full := errors.New("disk full")
	for name, f := range exports {
		if err := f(s, failing{full}); !errors.Is(err, full) || !strings.HasPrefix(err.Error(), "write "+name+": ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	closeStore(t, s)
	for name, f := range exports {
		if err := f(s, io.Discard); !errors.Is(err, ErrClosed) {
			t.Errorf("%s of a closed store: %v", name, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestExportOfAReadOnlyStore(t *testing.T) {
	s := game(t)
	want := export(t, s, "csv")
	report := export(t, s, "report")
	closeStore(t, s)
	r := open(t, s.Path(), newClock(), ReadOnly())
	if got := export(t, r, "csv"); got != want {
		t.Errorf("csv reads\n%s\nwant\n%s", got, want)
	}
	if got := export(t, r, "report"); got != report {
		t.Errorf("report reads\n%s\nwant\n%s", got, report)
	}
	if got := len(at(decoded(t, r), "statistics").([]any)); got != 3 {
		t.Errorf("%d statistics, want 3", got)
	}
}

func TestExportShowsDeclarationsWhileAnotherProcessWrites(t *testing.T) {
	s, c := fresh(t, WithBusyTimeout(time.Millisecond))
	other := open(t, s.Path(), c)
	declare(t, s, otelusage.Declaration{Name: "waits", Kind: otelusage.KindSequence, Checkpoints: []string{"a", "b"}})
	other.db.Lock()
	err := other.db.Update(other.db.Context(), mirrordb.Relaxed, func(*mirrordb.Tx) error {
		if got := at(decoded(t, s), "sequences", 0); at(got, "name") != "waits" || at(got, "declared") != nil || len(at(got, "funnel").([]any)) != 2 {
			t.Errorf("JSON: %v", got)
		}
		return nil
	})
	other.db.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	if at(decoded(t, s), "sequences", 0, "declared") == nil {
		t.Error("the declaration did not reach the file")
	}
}

// TestExportWriterMayCallBack: the store is not locked while w is written to.
func TestExportWriterMayCallBack(t *testing.T) {
	s := game(t)
	for name, f := range exports {
		if err := f(s, calling{s}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type calling struct{ s *Store }

func (c calling) Write(p []byte) (int, error) {
	_, err := c.s.Consent(sqlitedb.Background)
	return len(p), err
}

func TestExportDuringRecording(t *testing.T) {
	s, _ := fresh(t)
	w, r := newWriter(t, s), version("1")
	n, q := statistic(r, "n"), sequence(r, "q")
	record(t, w, add(n, 1), add(q, 1))
	var attempted sync.WaitGroup
	attempted.Go(func() {
		for range 100 {
			if err := w.Record(sqlitedb.Background, recording.Recording{Changes: []recording.Change{add(n, 1), add(q, 1)}, MaySend: true}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 20 {
		got := csvColumn(t, s, 2)
		if got["n"] != got["q"] || got["n"] == "" {
			t.Errorf("n = %q and q = %q are not of one moment", got["n"], got["q"])
		}
		export(t, s, "report")
		document := decoded(t, s)
		if a, b := at(document, "statistics", 0, "value"), at(document, "sequences", 0, "completions"); a != b {
			t.Errorf("JSON: %v and %v are not of one moment", a, b)
		}
	}
	attempted.Wait()
}
