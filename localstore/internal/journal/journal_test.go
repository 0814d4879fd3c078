package journal

import (
	"errors"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

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
	if found := journalpool.List(path); len(found) != 1 || found[0].Standing != journalpool.Empty {
		t.Fatalf("found %+v", found)
	}
	c := configOf(t, path)
	c.Writer, c.Seq = "writer-2", 7
	j = take(t, c)
	if j.Path() != journalpool.Path(path, 0) {
		t.Errorf("took %s", j.Path())
	}
	keep(t, j, numberOf("n")).count("")
	die(j)
	found := journalpool.List(path)[0].Content
	if seq, _, exact, ok := found.Holding(7, true); seq != 7 || !exact || !ok {
		t.Errorf("holding %d %v %v", seq, exact, ok)
	}
	if d := found.Differences(7); len(d) != 1 || d[0].Series.Metric.Name != "n" || len(found.Damage) > 0 {
		t.Errorf("differences %v, %v", d, found.Damage)
	}
}

// TestAJournalTakenLate holds nothing that was recorded before.
func TestAJournalTakenLate(t *testing.T) {
	path := mirrorPath(t)
	c := configOf(t, path)
	c.Seq = 3
	j := take(t, c)
	var flag Flag
	slot, err := j.Add(Kept{timesOf("t"), false, &flag, func(v *journalfile.Value) {
		v.Count, v.Float, v.Buckets = 5, 2.5, append(v.Buckets[:0], 1, 4, 0, 0)
	}, journalfile.Value{Count: 3, Float: 1.5, Buckets: []uint64{1, 2, 0, 0}}})
	if err != nil || slot == nil {
		t.Fatal(err)
	}
	die(j)
	d := contentOf(t, journalpool.Path(path, 0)).Differences(3)
	if len(d) != 1 || d[0].Delta.String() != `{"count":2,"sum":1,"buckets":[0,2,0,0]}` {
		t.Errorf("differences %v", d)
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

// TestNil: a process without a journal, and a series that is not kept, need no
// question asked.
func TestNil(t *testing.T) {
	var j *Journal
	if s, err := j.Add(Kept{numberOf("n"), false, new(Flag), func(*journalfile.Value) {}, journalfile.Value{}}); s != nil || err != nil {
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
		if _, err := j.Add(Kept{bad, false, new(Flag), func(*journalfile.Value) {}, journalfile.Value{}}); !errors.Is(err, journalfile.ErrKind) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	slot := keep(t, j, numberOf("n")).slot
	if _, err := j.Add(Kept{numberOf("n"), false, new(Flag), func(*journalfile.Value) {}, journalfile.Value{}}); !errors.Is(err, journalfile.ErrKept) {
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
