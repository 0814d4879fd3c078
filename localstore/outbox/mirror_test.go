package outbox

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/importer"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/ledger"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// mirror is a fresh one with the rooms that an outbox needs.
type mirror struct {
	db     *mirrordb.DB
	outbox *Outbox
	writer *recording.Writer
	random float64
}

func newMirror(t *testing.T) *mirror {
	t.Helper()
	m := &mirror{db: mirrordb.New(filepath.Join(t.TempDir(), "usage.db"), mirrordb.Options{
		BusyTimeout: time.Second, Now: instant.Clock(time.Now), OnError: func(err error) { t.Error(err) },
	})}
	book := totals.New(m.db, totals.Limits{MaxRows: 10, MaxSeries: 100})
	names := ledger.New(m.db, book)
	m.outbox = New(m.db, book, importer.New(m.db, book, names, ""), func() float64 { return m.random })
	recorder := recording.New(m.db, book)
	m.db.Use(mirrordb.Hooks{
		Begin: names.Register, Waiting: names.HasDeclarations, Withhold: m.outbox.WithholdPending,
		Opened: func(bool) error { return nil },
		Forgot: func() { book.ForgetTotals(); recorder.Forget() }, Changed: book.ForgetTotals, Replaced: names.DeclareAnew,
	})
	m.locked(func() error { return m.db.Until(t.Context(), m.db.Open) }, t)
	t.Cleanup(func() { m.locked(m.db.Close, t) })
	var err error
	if m.writer, err = recorder.Writer(true); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *mirror) locked(f func() error, t *testing.T) {
	t.Helper()
	m.db.Lock()
	defer m.db.Unlock()
	if err := f(); err != nil {
		t.Fatal(err)
	}
}

// count records 1 of a statistic under a version.
func (m *mirror) count(t *testing.T, version, name string) {
	t.Helper()
	of := &series.Series{
		Resource: &series.Resource{Attributes: attribute.NewSet(attribute.String("service.version", version))},
		Metric:   &series.Metric{Scope: &series.Scope{Name: "test"}, Name: name, Type: series.TypeSum},
	}
	err := m.writer.Record(t.Context(), recording.Recording{Changes: []recording.Change{{Series: of, Delta: series.Int64Value(1)}}, MaySend: true})
	if err != nil {
		t.Fatal(err)
	}
}

func (m *mirror) begin(t *testing.T, f Forwarder) *Submission {
	t.Helper()
	sub, err := m.outbox.Begin(t.Context(), Request{Forwarder: f, MaySend: true, Force: true, Lease: time.Minute})
	if err != nil || sub == nil {
		t.Fatalf("Begin = %v, %v", sub, err)
	}
	return sub
}

func next(t *testing.T, sub *Submission) *series.Part {
	t.Helper()
	part, err := sub.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return part
}

func settle(t *testing.T, sub *Submission, part *series.Part, o Outcome) {
	t.Helper()
	if _, err := sub.Settle(context.Background(), part, o); err != nil {
		t.Fatal(err)
	}
}
