package exporter

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	_ "modernc.org/sqlite"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

const benchSeries = 1000

// BenchmarkExport1000 records 1,000 changed series, beside what a first attempt
// would do: three prepared statements per series in one transaction.
func BenchmarkExport1000(b *testing.B) {
	b.Run("bare", benchmarkBare)
	b.Run("export", func(b *testing.B) { benchmarkExport(b, 1) })
	b.Run("unchanged", func(b *testing.B) { benchmarkExport(b, 0) })
}

func benchmarkBare(b *testing.B) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "bare.db")+
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(normal)&_txlock=immediate")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`CREATE TABLE history (series INTEGER, at INTEGER, value INTEGER);
		CREATE TABLE days (series INTEGER, day INTEGER, value INTEGER, PRIMARY KEY (series, day));
		CREATE TABLE pending (series INTEGER PRIMARY KEY, value INTEGER)`); err != nil {
		b.Fatal(err)
	}
	var statements []*sql.Stmt
	for _, query := range []string{
		`INSERT INTO history VALUES (?, ?, ?)`,
		`INSERT INTO days VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value`,
		`INSERT INTO pending VALUES (?1, ?3) ON CONFLICT DO UPDATE SET value = value + excluded.value`,
	} {
		stmt, err := db.Prepare(query)
		if err != nil {
			b.Fatal(err)
		}
		statements = append(statements, stmt)
	}
	for b.Loop() {
		tx, err := db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		bound := make([]*sql.Stmt, len(statements))
		for i, stmt := range statements {
			bound[i] = tx.Stmt(stmt)
		}
		now := time.Now().UnixNano()
		for series := range benchSeries {
			for _, stmt := range bound {
				if _, err := stmt.Exec(series, now, 1); err != nil {
					b.Fatal(err)
				}
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkExport(b *testing.B, step int64) {
	store, err := localstore.Open(filepath.Join(b.TempDir(), "usage.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	forwarder := &recordingForwarder{temporality: metricdata.DeltaTemporality}
	exp, err := New(store, WithForwarder(forwarder))
	if err != nil {
		b.Fatal(err)
	}
	defer exp.Shutdown(b.Context())
	points := make([]metricdata.DataPoint[int64], benchSeries)
	for i := range points {
		points[i] = metricdata.DataPoint[int64]{Attributes: attribute.NewSet(attribute.String("n", fmt.Sprint(i))), Value: 1}
	}
	rm := &metricdata.ResourceMetrics{
		Resource: resource.NewSchemaless(attribute.String("service.name", "bench")),
		ScopeMetrics: []metricdata.ScopeMetrics{{
			Scope: instrumentation.Scope{Name: otelusage.ScopeName, Version: otelusage.Version,
				Attributes: attribute.NewSet(otelusage.KindKey.String("statistic"))},
			Metrics: []metricdata.Metrics{{Name: "n", Data: metricdata.Sum[int64]{
				Temporality: metricdata.CumulativeTemporality, DataPoints: points}}},
		}},
	}
	if err := exp.Export(b.Context(), rm); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range points {
			points[i].Value += step
		}
		if err := exp.Export(b.Context(), rm); err != nil {
			b.Fatal(err)
		}
	}
}
