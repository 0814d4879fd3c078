package otelusage

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// BenchmarkAdd compares with what it is claimed to be close to and faster than:
//
//	go test -run '^$' -bench Add -count 10 ./otelusage
func BenchmarkAdd(b *testing.B) {
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
	tracker, err := New(WithMeterProvider(provider))
	if err != nil {
		b.Fatal(err)
	}
	plain, _ := tracker.Statistic("plain")
	monotonic, _ := tracker.Statistic("monotonic", Monotonic())
	float, _ := tracker.FloatStatistic("float")
	attrs := []attribute.KeyValue{attribute.String("via", "web"), attribute.Int("version", 2)}
	bound := plain.With(attrs...)
	counter, err := provider.Meter("peer").Int64Counter("counter")
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	set := metric.WithAttributeSet(attribute.NewSet(attrs...))
	var n atomic.Int64

	b.Run("atomic", func(b *testing.B) {
		for b.Loop() {
			n.Add(1)
		}
	})
	b.Run("Statistic", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			plain.Add(1)
		}
	})
	b.Run("Statistic-Inc", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			plain.Inc()
		}
	})
	b.Run("Statistic-Dec", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			plain.Dec()
		}
	})
	b.Run("Statistic-monotonic", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			monotonic.Add(1)
		}
	})
	b.Run("FloatStatistic", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			float.Add(1)
		}
	})
	b.Run("SDK", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			counter.Add(ctx, 1)
		}
	})
	b.Run("bound-Statistic", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			bound.Add(1)
		}
	})
	b.Run("bound-SDK", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			counter.Add(ctx, 1, set)
		}
	})
}

// lateKeeper writes what it is told of after 5 ms, as a journal does beyond its
// budget.
func lateKeeper(b *testing.B) *keeper {
	k := &keeper{t: b, late: true}
	done := make(chan struct{})
	var flusher sync.WaitGroup
	flusher.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
				k.flush()
			}
		}
	})
	b.Cleanup(func() {
		close(done)
		flusher.Wait()
	})
	return k
}

// BenchmarkKept compares what is kept with a bare atomic and with what is not, alone
// and with two goroutines:
//
//	go test -run '^$' -bench Kept -count 10 ./otelusage
func BenchmarkKept(b *testing.B) {
	trackables := func(opts ...Option) all {
		tracker, err := New(append(opts, WithMeterProvider(newSDK()))...)
		if err != nil {
			b.Fatal(err)
		}
		return allOf(b, tracker)
	}
	without, kept := trackables(), trackables(WithLedger(lateKeeper(b)))
	var bare atomic.Int64
	b.Run("Add/atomic", func(b *testing.B) {
		for range b.N {
			bare.Add(1)
		}
	})
	b.Run("Add/atomic, two goroutines", func(b *testing.B) {
		inTwo(b, func() { bare.Add(1) })
	})
	for name, a := range map[string]all{"without": without, "kept": kept} {
		b.Run("Add/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				a.down.Add(1)
			}
		})
		b.Run("Add/"+name+", two goroutines", func(b *testing.B) {
			b.ReportAllocs()
			inTwo(b, func() { a.down.Add(1) })
		})
		b.Run("Float/"+name, func(b *testing.B) {
			for range b.N {
				a.float.Add(1)
			}
		})
		b.Run("Stop/"+name, func(b *testing.B) {
			for range b.N {
				a.timer.Start()
				a.timer.Stop()
			}
		})
		b.Run("State/"+name, func(b *testing.B) {
			for i := range b.N {
				a.state.Set([2]string{"x", "y"}[i&1])
			}
		})
		b.Run("Hit/"+name, func(b *testing.B) {
			for range b.N {
				a.sequence.Hit("A")
			}
		})
	}
}

func inTwo(b *testing.B, f func()) {
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for range b.N / 2 {
				f()
			}
		})
	}
	group.Wait()
}

// BenchmarkStateSet shows what it costs to declare the values of a State:
//
//	go test -run '^$' -bench StateSet -count 10 ./otelusage
func BenchmarkStateSet(b *testing.B) {
	units := []string{"Metric", "US Standard", "Imperial", "Nautical"}
	for name, opts := range map[string][]StateOption{"any": nil, "declared": {WithStates(units...)}} {
		b.Run(name, func(b *testing.B) {
			s, err := new(Tracker).State("units", NoState, opts...)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s.Set(units[i%len(units)])
			}
		})
	}
}
