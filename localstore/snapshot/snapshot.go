package snapshot

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/ledger"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/saturate"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/unrecorded"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// Query says what a [Snapshot] is to hold. The zero Query asks for all
// trackables with their totals.
type Query struct {
	Name string // of one trackable, which may be a former one, or metric, without regard to case; "" for all

	Days        bool // the running totals of days that are over
	History     bool // the latest recordings, and the states that a State was in
	Moves       bool // the states that a State was in, of History that part alone
	Submissions bool // the submission log

	// Since leaves out days and recordings before it, but for the last one of
	// each series, which what came later is counted from. The zero time
	// leaves out nothing.
	Since time.Time
}

// Snapshot is what was counted by one moment: what the mirror held, and what the
// journals beside it held beyond that. It is a copy: nothing is locked while it is
// looked at.
type Snapshot struct {
	At             time.Time // when it was made
	MirrorID       string    // of the file
	InstallationID string
	CreatedAt      time.Time // of the mirror
	Consent        consent.Consent
	Trackables     []*Trackable    // by kind in the order of [OrderByType], then by name
	Others         []*SeriesCounts // of metrics that belong to no trackable
	Submissions    []LogEntry      // oldest first
}

// Trackable is a trackable with its value over all its series. Sums are made
// in Go and not by SQL, whose sum() gives up where whole numbers overflow.
type Trackable struct {
	otelusage.Declaration
	DeclaredAt time.Time // zero for one that waits to be written
	ChangedAt  time.Time // zero for never; now, where a journal holds the change

	Total      series.Value     // of a Statistic or Sequence
	Recordings int64            // how many changed it
	Runs       int64            // of a Timer
	Seconds    float64          // of a Timer, in all
	State      string           // [otelusage.NoState] for none
	Default    bool             // State is the initial one: none was ever set
	Changes    int64            // of a State
	Hits       map[string]int64 // of a Sequence, by checkpoint
	Unrecorded Amount           // of these, what waits in journals: changes of a State, seconds and runs of a Timer

	Series []*SeriesCounts
	Moves  []StateMove // of a State, as recorded, oldest first
}

// StateMove is a state and when it was entered.
type StateMove struct {
	At    time.Time
	State string // [otelusage.NoState] for none
}

// SeriesCounts is one series with what became of its counts, see package health.
type SeriesCounts struct {
	Metric               series.Metric // its Scope has a name alone
	Role                 string        // what it is to its trackable: [RoleValue] and its like
	Attributes, Resource string        // JSON objects

	Recorded                                                 series.Value
	Pending, InFlight, Withheld, Accepted, Partial, SetAside series.Value
	Unrecorded                                               series.Value // beyond Recorded, in journals
	Gauge                                                    series.Value // in place of these, for a gauge

	Recordings    int64
	UpdatedAt     time.Time // zero for never
	Days, History []Sample  // oldest first
}

// Counted returns what was counted: what is recorded, and what waits for that.
func (x *SeriesCounts) Counted() series.Value {
	if x == nil {
		return series.Value{}
	}
	return x.Recorded.Add(x.Unrecorded)
}

// Sample is a running total.
type Sample struct {
	At    time.Time    // of the recording, or the first moment of the UTC day at whose end it held
	Value series.Value // of a histogram its sum
	Count int64        // of a histogram
}

// LogEntry is a row of the submission log.
type LogEntry struct {
	ID               int64
	Forwarder        outbox.Forwarder
	Batch, Part      int64 // 0 for none
	First, Last      time.Time
	Times            int64 // that this happened in a row
	Outcome          outbox.Verdict
	Status           int64 // of HTTP, 0 for none
	Points, Rejected int64
	Reason           string
}

// Reader reads what is in a mirror, for people. Its methods may be called
// concurrently.
type Reader struct {
	db     *mirrordb.DB
	ledger *ledger.Ledger
}

// New returns the reader of a mirror.
func New(db *mirrordb.DB, l *ledger.Ledger) *Reader { return &Reader{db: db, ledger: l} }

// missing reports a Reader of a mirror that is not open.
func (rd *Reader) missing() bool { return rd == nil || rd.db == nil }

// Snapshot reads what a query asks for, all of it as it was at one moment,
// whatever other processes write meanwhile. Declarations that wait to be
// written are included, and so is what processes counted since they last recorded,
// or before they died, as far as they keep a journal. It ends with ctx, also while
// another call uses the Store, another process keeps the file locked, or a query does not end by itself.
func (rd *Reader) Snapshot(ctx context.Context, q Query) (*Snapshot, error) {
	snap, err := rd.snapshot(ctx, q, true)
	return snap, mirrordb.Wrap("read mirror", err)
}

// snapshot reads the file as it is at one moment, what is in flight only where
// it is asked for. The result is used without the lock: a slow writer must not
// keep the application from recording.
func (rd *Reader) snapshot(ctx context.Context, q Query, inFlight bool) (*Snapshot, error) {
	if rd.missing() {
		return nil, mirrordb.ErrNotOpen
	}
	if err := rd.db.LockWithin(ctx); err != nil {
		return nil, err
	}
	defer rd.db.Unlock()
	if !rd.db.IsReadOnly() && rd.ledger.HasDeclarations() {
		// What cannot be written now, because another process writes, is shown
		// from memory.
		_ = rd.db.WriteWaiting()
	}
	var snap *Snapshot
	err := unrecorded.Look(ctx, rd.db, func(tx *mirrordb.Tx, beyond *unrecorded.Reading) (err error) {
		snap, err = rd.readSnapshot(tx, beyond, q, inFlight)
		return err
	})
	if err != nil {
		return nil, err
	}
	snap.merge(q, rd.ledger.Awaiting())
	snap.sort(OrderByType)
	return snap, nil
}

// count adds a series to its trackable.
func (t *Trackable) count(x *SeriesCounts) error {
	if x.Metric.Type == series.TypeGauge && t.Kind == otelusage.KindState {
		return nil // it counts nothing: the state and its history are the trackable's
	}
	t.Series = append(t.Series, x)
	switch x.Role {
	case series.RoleValue:
		t.add(x.Counted())
		t.Unrecorded = t.Unrecorded.Plus(amountOf(x.Unrecorded))
		t.Recordings = saturate.Add(t.Recordings, x.Recordings)
		t.ChangedAt = later(t.ChangedAt, x.UpdatedAt)
	case series.RoleChanges:
		t.Changes = saturate.Add(t.Changes, x.Counted().Int64())
		t.Unrecorded = t.Unrecorded.Plus(amountOf(x.Unrecorded))
	case series.RoleCheckpoints:
		set, err := series.DecodeAttributes(x.Attributes)
		if err != nil {
			return err
		}
		if checkpoint, ok := set.Value(otelusage.CheckpointKey); ok {
			t.Hits[checkpoint.AsString()] = saturate.Add(t.Hits[checkpoint.AsString()], x.Counted().Int64())
		}
	}
	return nil
}

// add adds the value of one series: of histograms the count and the sum alone,
// because versions may differ in their boundaries.
func (t *Trackable) add(v series.Value) {
	switch {
	case v.Kind() == series.KindHistogram:
		t.Runs, t.Seconds = saturate.Add(t.Runs, saturate.Count(v.Histogram().Count)), saturate.AddFloat(t.Seconds, v.Histogram().Sum)
	case v.Kind() == series.KindExponential:
		t.Runs, t.Seconds = saturate.Add(t.Runs, saturate.Count(v.Exponential().Count)), saturate.AddFloat(t.Seconds, v.Exponential().Sum)
	case v.Kind() == t.Total.Kind() || t.Total == series.Value{}:
		t.Total = t.Total.Add(v)
	default: // the number type changed with a version
		t.Total = series.Float64Value(saturate.AddFloat(t.Total.Float64(), v.Float64()))
	}
}

// Average returns what a recording that changed the Statistic added to it, on average.
func (t *Trackable) Average() float64 {
	if t == nil || t.Recordings == 0 {
		return 0
	}
	return minus(t.Total, t.Unrecorded.Value).Float64() / float64(t.Recordings)
}

// AverageSeconds returns how long a run of the Timer took.
func (t *Trackable) AverageSeconds() float64 {
	if t == nil || t.Runs == 0 {
		return 0
	}
	return t.Seconds / float64(t.Runs)
}

// Funnel returns the checkpoints of a Sequence in their order, each once.
func (t *Trackable) Funnel() []string {
	if t == nil {
		return nil
	}
	var funnel []string
	for _, c := range t.Checkpoints {
		if !slices.Contains(funnel, c) {
			funnel = append(funnel, c)
		}
	}
	return funnel
}

// merge adds declarations that are not in the file.
func (snap *Snapshot) merge(q Query, waiting []otelusage.Declaration) {
	known := make(shownTrackables)
	for _, t := range snap.Trackables {
		known[ledger.KeyOf(t.Declaration)] = t
	}
	for _, d := range waiting {
		known.rename(d)
		if q.Name != "" && !strings.EqualFold(q.Name, d.Name) {
			continue
		}
		if t := known[ledger.KeyOf(d)]; t != nil {
			name := t.Name // stays as it was declared first
			t.Declaration, t.Name = d, name
			continue
		}
		t := &Trackable{Declaration: d}
		known[ledger.KeyOf(d)], snap.Trackables = t, append(snap.Trackables, t)
	}
}

func (snap *Snapshot) sort(order Order) {
	slices.SortFunc(snap.Trackables, func(a, b *Trackable) int {
		byType := strings.Compare(a.Kind.String(), b.Kind.String())
		byName := cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.Name, b.Name))
		if order == OrderByName {
			return cmp.Or(byName, byType)
		}
		return cmp.Or(byType, byName)
	})
}

// RecordedAt returns when a change was recorded last, the zero time for never.
func (snap *Snapshot) RecordedAt() time.Time {
	var last time.Time
	if snap == nil {
		return last
	}
	for _, t := range snap.Trackables {
		for _, x := range t.Series {
			last = later(last, x.UpdatedAt)
		}
		if t.Unrecorded.isZero() {
			last = later(last, t.ChangedAt)
		}
	}
	return last
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Of returns the trackables of one kind.
func (snap *Snapshot) Of(kind otelusage.Kind) (list []*Trackable) {
	if snap == nil {
		return nil
	}
	for _, t := range snap.Trackables {
		if t.Kind == kind {
			list = append(list, t)
		}
	}
	return list
}

// Named returns the trackables of a name, which several kinds may share.
func (snap *Snapshot) Named(name string) (list []*Trackable) {
	if snap == nil {
		return nil
	}
	for _, t := range snap.Trackables {
		if strings.EqualFold(t.Name, name) {
			list = append(list, t)
		}
	}
	return list
}

// shownTrackables are those of a snapshot.
type shownTrackables map[ledger.Key]*Trackable

// rename shows a renaming that waits to be written.
func (shown shownTrackables) rename(d otelusage.Declaration) {
	for _, was := range ledger.FormerKeys(d) {
		if t := shown[was]; t != nil && shown[ledger.KeyOf(d)] == nil {
			t.Name = d.Name
			shown[ledger.KeyOf(d)] = t
			delete(shown, was)
		}
	}
}
