package exporter

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// startForBench starts a run with a journal, or without one.
func startForBench(b *testing.B, journal bool) *run {
	opts := []Option{WithResource(resource.NewSchemaless(attribute.String("service.name", "bench")))}
	if journal {
		opts = append(opts, WithJournal())
	}
	r := setup{opts: opts}.start(b)
	b.Cleanup(r.end)
	return r
}

// BenchmarkJournal compares counting and recording without a journal and with one.
func BenchmarkJournal(b *testing.B) {
	b.Run("Atomic", func(b *testing.B) {
		var n atomic.Int64
		for b.Loop() {
			n.Add(1)
		}
	})
	b.Run("Atomic/two", func(b *testing.B) {
		var n atomic.Int64
		b.SetParallelism(1)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				n.Add(1)
			}
		})
	})
	for _, journal := range []bool{false, true} {
		name := map[bool]string{false: "/without", true: "/with"}[journal]
		b.Run("Add"+name, func(b *testing.B) {
			n := startForBench(b, journal).statistic("n")
			b.ReportAllocs()
			for b.Loop() {
				n.Add(1)
			}
		})
		b.Run("Add"+name+"/two", func(b *testing.B) {
			n := startForBench(b, journal).statistic("n")
			b.SetParallelism(1)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					n.Add(1)
				}
			})
		})
		b.Run("Timer"+name, func(b *testing.B) {
			work, err := startForBench(b, journal).tracker.Timer("work")
			must(b, err)
			for b.Loop() {
				work.Start()
				work.Stop()
			}
		})
		b.Run("State"+name, func(b *testing.B) {
			mode := startForBench(b, journal).state("mode", "light")
			states, i := [2]string{"dark", "light"}, 0
			for b.Loop() {
				mode.Set(states[i&1])
				i++
			}
		})
		b.Run("Sequence"+name, func(b *testing.B) {
			steps, err := startForBench(b, journal).tracker.Sequence("steps", []string{"a", "b"})
			must(b, err)
			checkpoints, i := [2]string{"a", "b"}, 0
			for b.Loop() {
				steps.Hit(checkpoints[i&1])
				i++
			}
		})
		b.Run("Record1000"+name, func(b *testing.B) { benchmarkRecord(b, journal) })
	}
}

// benchmarkRecord records 1,000 statistics that changed.
func benchmarkRecord(b *testing.B, journal bool) {
	r := startForBench(b, journal)
	n := r.statistic("n")
	var bound []*otelusage.Statistic
	for i := range benchSeries {
		bound = append(bound, n.With(attribute.String("key", fmt.Sprint(i))))
	}
	var rm metricdata.ResourceMetrics
	var took time.Duration
	for b.Loop() {
		for _, s := range bound {
			s.Inc()
		}
		began := time.Now()
		must(b, r.reader.Collect(context.Background(), &rm))
		must(b, r.exporter.Export(context.Background(), &rm))
		took += time.Since(began)
	}
	b.ReportMetric(float64(took.Microseconds())/1e3/float64(b.N), "record-ms/op")
}
