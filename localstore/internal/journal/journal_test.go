package journal

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/series"
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
			c.count(strings.Repeat("s", MaxState))
		}
	}
	keep(t, j, numberOf("never")) // leaves nothing
	die(j)
	found := List(path)
	if len(found) != 1 || found[0].Standing != Dead || len(found[0].Content.Damage) > 0 {
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
		if !d.Delta.Nearly(want.shape.seriesValue(&want.v, w.Bounds)) && want.shape.kind != KindState || d.State != want.v.State || d.Moves != want.v.Moves {
			t.Errorf("%s: %v %q %d, want %+v", w.Name, d.Delta, d.State, d.Moves, want.v)
		}
	}
}

// TestAValueIsOneWriteWithinAPage, once its series is known.
func TestAValueIsOneWriteWithinAPage(t *testing.T) {
	var writes []write
	c := configOf(t, mirrorPath(t))
	c.wrap = func(f *os.File) file { return &spy{File: f, writes: &writes} }
	j := take(t, c)
	bounds := make([]float64, MaxBuckets-1)
	for i := range bounds {
		bounds[i] = float64(i)
	}
	wide := timesOf("wide")
	wide.Metric.Bounds = bounds
	all := []*counter{keep(t, j, wide), keep(t, j, numberOf("n")), keep(t, j, stateOf("s")), keep(t, j, floatOf("f")), keep(t, j, timesOf("t"))}
	for range 100 { // and any mixture of them
		all = append(all, keep(t, j, another(timesOf("t"))), keep(t, j, another(stateOf("s"))), keep(t, j, another(numberOf("n"))))
	}
	for i := range 2 {
		for _, c := range all {
			writes = nil
			c.count("x")
			if i == 1 && len(writes) != 1 {
				t.Errorf("%s: %d writes", c.series.Metric.Name, len(writes))
			}
			for k := range 2 {
				from := c.slot.bases.offset + int64(c.slot.baseAt+k*c.shape.baseStride())
				if from/pageSize != (from+int64(c.shape.baseSize())-1)/pageSize {
					t.Errorf("%s: base %d at %d crosses a page", c.series.Metric.Name, k, from)
				}
			}
			for _, w := range writes {
				at := c.slot.value.offset + int64(c.slot.valueAt)
				if i == 1 && w.offset <= at && at < w.offset+int64(w.size) && w.offset/pageSize != (w.offset+int64(w.size)-1)/pageSize {
					t.Errorf("%s: %d bytes at %d cross a page", c.series.Metric.Name, w.size, w.offset)
				}
			}
		}
	}
	wide.Metric.Bounds = append(bounds, 1e6)
	if _, err := j.Add(Kept{wide, false, new(Flag), func(*Value) {}, Value{}}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a wider one: %v", err)
	}
}

type write struct {
	offset int64
	size   int
}

type spy struct {
	*os.File
	writes *[]write
}

func (s *spy) WriteAt(b []byte, offset int64) (int, error) {
	*s.writes = append(*s.writes, write{offset, len(b)})
	return s.File.WriteAt(b, offset)
}

// TestTenThousandSeries are written and recorded in a few writes.
func TestTenThousandSeries(t *testing.T) {
	path := mirrorPath(t)
	var writes []write
	c := configOf(t, path)
	c.wrap = func(f *os.File) file { return &spy{File: f, writes: &writes} }
	c.now = newClock().now // the budget is never refilled
	c.after = never
	j := take(t, c)
	const series = 10_000
	all := make([]*counter, series)
	metric := numberOf("n").Metric
	for i := range all {
		s := numberOf("n", attribute.Int("i", i))
		s.Metric = metric
		all[i] = keep(t, j, s)
		all[i].count("")
	}
	changes := make([]Change, series)
	for i, c := range all {
		changes[i] = c.change()
	}
	writes = nil
	if err := j.Begin(1, sharing, changes); err != nil {
		t.Fatal(err)
	}
	if len(writes) > 150 {
		t.Errorf("the first recording took %d writes", len(writes))
	}
	j.Settle(true)
	writes = nil
	for _, c := range all[:1000] {
		c.settle(c.v)
		c.count("")
	}
	for i, c := range all[:1000] {
		changes[i] = c.change()
	}
	if err := j.Begin(2, sharing, changes[:1000]); err != nil {
		t.Fatal(err)
	}
	if len(writes) > 20 {
		t.Errorf("a recording of 1,000 changes took %d writes", len(writes))
	}
	j.Settle(true)
	for _, c := range all[:3] {
		c.count("")
	}
	j.waiting.stop() // writes what waits
	die(j)
	found := List(path)[0]
	if n := found.Content.Count(); n != series || len(found.Content.Damage) > 0 {
		t.Errorf("%d series, %v", n, found.Content.Damage)
	}
	if d := found.Content.Differences(2); len(d) != 3 || d[0].Delta.Int64() != 1 {
		t.Errorf("differences %v", d)
	}
	if found.Size > 3<<20 {
		t.Errorf("%d bytes", found.Size)
	}
}

// TestAWarmJournalIsTakenAgain, and knows nothing of the run before.
func TestAWarmJournalIsTakenAgain(t *testing.T) {
	path := mirrorPath(t)
	j := take(t, configOf(t, path))
	for range 200 {
		keep(t, j, another(timesOf("t"))).count("")
	}
	if err := j.Close(true); err != nil {
		t.Fatal(err)
	}
	if found := List(path); len(found) != 1 || found[0].Standing != Empty {
		t.Fatalf("found %+v", found)
	}
	c := configOf(t, path)
	c.Writer, c.Seq = "writer-2", 7
	j = take(t, c)
	if j.Path() != Path(path, 0) {
		t.Errorf("took %s", j.Path())
	}
	keep(t, j, numberOf("n")).count("")
	die(j)
	found := List(path)[0].Content
	if seq, _, exact, ok := found.Holding(7, true); seq != 7 || !exact || !ok {
		t.Errorf("holding %d %v %v", seq, exact, ok)
	}
	if d := found.Differences(7); len(d) != 1 || d[0].Series.Metric.Name != "n" || len(found.Damage) > 0 {
		t.Errorf("differences %v, %v", d, found.Damage)
	}
}

// TestErasedBytes: after a renewal of the living and an erasure of the dead no name,
// attribute or state is left.
func TestErasedBytes(t *testing.T) {
	path := mirrorPath(t)
	secret := func(j *Journal) (*counter, *counter) {
		n, s := keep(t, j, numberOf("secret_name", attribute.String("secret_key", "secret_value"))), keep(t, j, stateOf("secret_setting"))
		n.count("")
		s.count("secret_state")
		return n, s
	}
	dead := take(t, configOf(t, path))
	warm := take(t, configOf(t, path))
	living := take(t, configOf(t, path))
	secret(dead)
	secret(warm)
	n, s := secret(living)
	die(dead)
	if err := warm.Close(true); err != nil {
		t.Fatal(err)
	}
	if left, err := Erase(path); left != 1 || err != nil {
		t.Fatalf("%d are living, %v", left, err)
	}
	if Erasing(path) != 1 {
		t.Error("nothing is waited for")
	}
	if living.Superseded() {
		t.Error("noticed before it looked")
	}
	// The owner adopts what it counted as its base.
	changes := []Change{n.change(), s.change()}
	if err := living.Begin(1, sharing, changes); err != nil || !living.Superseded() {
		t.Fatalf("superseded %v, %v", living.Superseded(), err)
	}
	living.Settle(true)
	if err := living.Renew("mirror-2", Observation{Epoch: 2, Erasures: 1}); err != nil {
		t.Fatal(err)
	}
	if err := living.Acknowledge(); err != nil || living.Superseded() || Erasing(path) != 0 {
		t.Errorf("acknowledged: %v, %v, %d", err, living.Superseded(), Erasing(path))
	}
	files, _ := filepath.Glob(path + "*")
	if len(files) != 3 {
		t.Fatalf("files %v", files)
	}
	for _, name := range files {
		if b, err := os.ReadFile(name); err != nil || strings.Contains(string(b), "secret") || strings.Contains(string(b), "service.name") {
			t.Errorf("%s: something is left, %v", name, err)
		}
	}
	n.count("") // counts on
	die(living)
	found := contentOf(t, Path(path, 2))
	d := found.Differences(1)
	if len(d) != 1 || d[0].Delta.Int64() != 1 || found.Mirror != "mirror-2" {
		t.Errorf("after the erasure: %v", d)
	}
}

// contentOf is what a journal holds that can be read.
func contentOf(t *testing.T, path string) *Content {
	t.Helper()
	found, ok := Look(path)
	if !ok || found.Content == nil {
		t.Fatalf("%s: %+v", path, found)
	}
	return found.Content
}

// TestHolding: the row in the mirror decides which bases hold.
func TestHolding(t *testing.T) {
	tagOf := func(seq int64) tag { return tag{ok: seq >= 0, seq: seq} }
	for name, c := range map[string]struct {
		a, b, row int64
		known     bool
		want      int64 // -1 for nothing
	}{
		"nothing recorded":               {0, -1, 0, false, 0},
		"the first one came to nothing":  {0, 1, 0, false, 0},
		"the first one is there":         {0, 1, 1, true, 1},
		"the latest came to nothing":     {4, 5, 4, true, 4},
		"the latest is there":            {4, 5, 5, true, 5},
		"it was under way":               {4, -1, 4, true, 4},
		"it was recorded without":        {4, -1, 5, true, -1},
		"and the next was begun":         {4, 6, 5, true, 6},
		"a backup was brought back":      {4, 5, 2, true, 4},
		"the row was purged":             {4, 5, 0, false, 5},
		"no tag is left":                 {-1, -1, 3, true, -1},
		"no tag is left, and no row":     {-1, -1, 0, false, -1},
		"a recovery was under way":       {5, -1, 5, true, 5},
		"a recovery came to nothing yet": {5, 6, 5, true, 5},
		"a recovery is there":            {5, 6, 6, true, 6},
	} {
		t.Run(name, func(t *testing.T) {
			for _, h := range []header{{tags: [2]tag{tagOf(c.a), tagOf(c.b)}}, {tags: [2]tag{tagOf(c.b), tagOf(c.a)}}} {
				got, ok := h.holding(c.row, c.known)
				if ok != (c.want >= 0) || ok && got.seq != c.want {
					t.Errorf("holds %d, %v, want %d", got.seq, ok, c.want)
				}
			}
		})
	}
}

// TestARecordingUnderWay leaves no tag whose bases it writes over, to be taken for
// what a mirror that was brought back says.
func TestARecordingUnderWay(t *testing.T) {
	path := mirrorPath(t)
	left := 1 << 30
	c := configOf(t, path)
	c.wrap = func(f *os.File) file { return &dying{File: f, left: &left} }
	j := take(t, c)
	n := keep(t, j, numberOf("n"))
	for seq := int64(1); seq <= 3; seq++ {
		n.count("")
		changes := []Change{n.change()}
		n.taken = n.v
		if seq == 3 {
			left = 3 // its bases, but not its tag
		}
		if err := j.Begin(seq, sharing, changes); (err != nil) != (seq == 3) {
			t.Fatal(err)
		}
		j.Settle(seq < 3)
	}
	die(j)
	content := contentOf(t, Path(path, 0))
	for row, want := range map[int64]int64{1: 2, 2: 2} {
		if seq, _, _, ok := content.Holding(row, true); seq != want || !ok {
			t.Errorf("row %d: %d holds, %v", row, seq, ok)
		}
	}
	if d := content.Differences(2); len(d) != 1 || d[0].Delta.Int64() != 1 {
		t.Errorf("differences %v, %v", d, content.Damage)
	}
}

// TestNil: a process without a journal, and a series that is not kept, need no
// question asked.
func TestNil(t *testing.T) {
	var j *Journal
	if s, err := j.Add(Kept{numberOf("n"), false, new(Flag), func(*Value) {}, Value{}}); s != nil || err != nil {
		t.Errorf("slot %v, %v", s, err)
	}
	var s *Slot
	s.Changed()
	s.Watch(new(Flag))
	j.Settle(true)
	if err := errors.Join(j.Begin(1, sharing, nil), j.Close(true)); err != nil || j.Superseded() || j.Path() != "" {
		t.Errorf("%v", err)
	}
	if j.Renew("m", sharing) == nil || j.Acknowledge() == nil {
		t.Error("a journal that is not there was renewed")
	}
	var c *Claimed
	c.Release()
	if _, err := c.Begin(0); err == nil || c.Empty() == nil || c.Path() != "" {
		t.Error("recovered nothing")
	}
	j = take(t, configOf(t, mirrorPath(t)))
	for _, bad := range []*series.Series{nil, {}, {Resource: testResource}, {Resource: testResource, Metric: &series.Metric{}}} {
		if _, err := j.Add(Kept{bad, false, new(Flag), func(*Value) {}, Value{}}); !errors.Is(err, ErrKind) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	slot := keep(t, j, numberOf("n")).slot
	if _, err := j.Add(Kept{numberOf("n"), false, new(Flag), func(*Value) {}, Value{}}); !errors.Is(err, ErrKept) {
		t.Errorf("kept twice: %v", err)
	}
	described := numberOf("n")
	described.Metric.Description = "another"
	if j.Find(described) != slot || j.Find(numberOf("m")) != nil || j.Find(nil) != nil || (*Journal)(nil).Find(described) != nil {
		t.Error("found another slot")
	}
	if err := j.Begin(2, sharing, nil); err == nil {
		t.Error("began a recording that is not the next")
	}
}

// TestReadingWhileOneRecords reads again what a recording changed meanwhile.
func TestReadingWhileOneRecords(t *testing.T) {
	path := mirrorPath(t)
	j := take(t, configOf(t, path))
	n := keep(t, j, numberOf("n"))
	record := func(seq int64) {
		n.count("")
		changes := []Change{n.change()}
		n.taken = n.v
		if err := j.Begin(seq, sharing, changes); err != nil {
			t.Error(err)
		}
		j.Settle(true)
	}
	record(1)
	raw, err := os.Open(Path(path, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	f := &slow{File: raw, between: func() { record(2); record(3); n.count("") }}
	c, err := read(f)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, exact, ok := c.Holding(3, true); !exact || !ok {
		t.Errorf("holding %v, %v", exact, ok)
	}
	if d := c.Differences(3); len(d) != 1 || d[0].Delta.Int64() != 1 || len(c.Damage) > 0 {
		t.Errorf("differences %v, %v", d, c.Damage)
	}
}

// slow does something between the first page and the others.
type slow struct {
	*os.File
	between func()
}

func (s *slow) ReadAt(b []byte, offset int64) (int, error) {
	if len(b) <= pageSize || s.between == nil {
		return s.File.ReadAt(b, offset)
	}
	n, err := s.File.ReadAt(b[:pageSize], offset)
	if err != nil {
		return n, err
	}
	s.between()
	s.between = nil
	more, err := s.File.ReadAt(b[pageSize:], offset+pageSize)
	return n + more, err
}

// TestAJournalTakenLate holds nothing that was recorded before.
func TestAJournalTakenLate(t *testing.T) {
	path := mirrorPath(t)
	c := configOf(t, path)
	c.Seq = 3
	j := take(t, c)
	var flag Flag
	slot, err := j.Add(Kept{timesOf("t"), false, &flag, func(v *Value) {
		v.Count, v.Float, v.Buckets = 5, 2.5, append(v.Buckets[:0], 1, 4, 0, 0)
	}, Value{Count: 3, Float: 1.5, Buckets: []uint64{1, 2, 0, 0}}})
	if err != nil || slot == nil {
		t.Fatal(err)
	}
	die(j)
	d := contentOf(t, Path(path, 0)).Differences(3)
	if len(d) != 1 || d[0].Delta.String() != `{"count":2,"sum":1,"buckets":[0,2,0,0]}` {
		t.Errorf("differences %v", d)
	}
}

// TestCloseLeavesWhatIsNotRecorded to be recovered, and nothing else.
func TestCloseLeavesWhatIsNotRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(t *testing.T, j *Journal, n, f *counter)
		drop bool
		left int
	}{
		"nothing counted": {func(*testing.T, *Journal, *counter, *counter) {}, false, 0},
		"not recorded":    {func(_ *testing.T, _ *Journal, n, _ *counter) { n.count("") }, false, 1},
		"to be dropped":   {func(_ *testing.T, _ *Journal, n, _ *counter) { n.count("") }, true, 0},
		"all recorded": {func(t *testing.T, j *Journal, n, f *counter) {
			for seq := range int64(3) {
				n.count("")
				f.count("")
				changes := []Change{n.change(), f.change()}
				n.taken, f.taken = n.v, f.v
				if err := j.Begin(seq+1, sharing, changes); err != nil {
					t.Fatal(err)
				}
				j.Settle(true)
			}
		}, false, 0},
		"outcome not known": {func(t *testing.T, j *Journal, n, f *counter) {
			f.count("")
			if err := j.Begin(1, sharing, []Change{f.change()}); err != nil {
				t.Fatal(err)
			}
			f.v = Value{} // is the base again, unless the recording is in the mirror
			f.changed()
		}, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			path := mirrorPath(t)
			j := take(t, configOf(t, path))
			n, f := keep(t, j, numberOf("n")), keep(t, j, floatOf("f"))
			c.end(t, j, n, f)
			if err := errors.Join(j.Close(c.drop), j.Close(c.drop)); err != nil {
				t.Fatal(err)
			}
			n.count("") // too late, and harmless
			if n.flag.Armed() {
				t.Error("a count of a closed journal acts")
			}
			left := 0
			if found := List(path)[0]; found.Standing == Dead {
				left = 1
			}
			if left != c.left {
				t.Errorf("%d journals are left, want %d", left, c.left)
			}
			if _, err := j.Add(Kept{numberOf("late"), false, new(Flag), func(*Value) {}, Value{}}); !errors.Is(err, ErrClosed) {
				t.Errorf("added to a closed journal: %v", err)
			}
		})
	}
}

// TestTheRoundingOfABase that advanced by differences is no count.
func TestTheRoundingOfABase(t *testing.T) {
	a, b := 0.1, 0.2
	s := shape{kind: KindFloat64}
	if d, ok := s.minus(Value{Float: a + b}, Value{Float: 0.3}, true); !ok || !s.isZero(&d) {
		t.Errorf("difference %v, %v", d, ok)
	}
	if d, ok := s.minus(Value{Float: 0.3}, Value{Float: a + b}, true); !ok || !s.isZero(&d) {
		t.Errorf("difference %v, %v", d, ok)
	}
	if d, _ := s.minus(Value{Float: 1e9 + 0.5}, Value{Float: 1e9}, true); d.Float != 0.5 {
		t.Errorf("difference %v", d)
	}
}

// TestACountAllocatesNothing, also where it is written at once.
func TestACountAllocatesNothing(t *testing.T) {
	j := take(t, configOf(t, mirrorPath(t)))
	n := keep(t, j, numberOf("n"))
	if got := testing.AllocsPerRun(200, func() { n.count("") }); got != 0 {
		t.Errorf("%v allocations", got)
	}
	if n.v.Int != 201 || !n.flag.Armed() {
		t.Errorf("counted %d", n.v.Int)
	}
}
