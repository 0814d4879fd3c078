package otelusage

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"weak"

	"go.opentelemetry.io/otel/metric"
)

// registry is what all trackers on one MeterProvider share: one Meter per kind
// and one core per name, so that two trackers report one series together. It
// lives as long as the provider, whose callbacks hold it, or its trackers.
type registry struct {
	// mu guards what follows. It is held while the provider is called;
	// callbacks do not take it.
	mu       sync.Mutex
	provider func(Kind) (metric.Meter, error)
	meters   map[Kind]metric.Meter
	defined  map[string]*definition // what the first declaration of a name said
	former   formerNames
	names    metricNames
	keeper   Keeper // of the first ledger that is one; nil until then

	// The cores, each by the key of its name. A name is in one map only:
	// conflict refuses another kind or number type.
	ints      map[string]*intCounts
	floats    map[string]*floatCounts
	states    map[string]*stateCounts
	timers    map[string]*durations
	sequences map[string]*funnel
}

// registries finds the registry of a provider and keeps neither alive.
var registries struct {
	mu sync.Mutex
	m  map[any]weak.Pointer[registry]
}

// providerKey identifies a pointer without keeping it alive; the type tells
// apart what shares an address.
type providerKey struct {
	address  weak.Pointer[byte]
	provider reflect.Type
}

func keyOf(mp metric.MeterProvider) (any, bool) {
	v := reflect.ValueOf(mp)
	if v.Kind() == reflect.Pointer {
		return providerKey{weak.Make((*byte)(v.UnsafePointer())), v.Type()}, true
	}
	// A value, as that of package noop, is its own key. What it holds then
	// stays alive: better than two series in each other's way.
	if v.Comparable() {
		return mp, true
	}
	return nil, false
}

func registryOf(mp metric.MeterProvider) *registry {
	key, shared := keyOf(mp)
	registries.mu.Lock()
	defer registries.mu.Unlock()
	if shared {
		if r := registries.m[key].Value(); r != nil {
			return r
		}
	}
	r := &registry{
		provider: func(k Kind) (m metric.Meter, err error) {
			err = safely(func() error {
				m = mp.Meter(ScopeName, metric.WithInstrumentationVersion(Version),
					metric.WithInstrumentationAttributes(KindKey.String(k.String())))
				return nil
			})
			if err == nil && isNil(m) {
				err = errors.New("the provider has no meter")
			}
			return m, err
		},
		meters:    make(map[Kind]metric.Meter),
		defined:   make(map[string]*definition),
		ints:      make(map[string]*intCounts),
		floats:    make(map[string]*floatCounts),
		states:    make(map[string]*stateCounts),
		timers:    make(map[string]*durations),
		sequences: make(map[string]*funnel),
	}
	if !shared {
		return r
	}
	for k, w := range registries.m {
		if w.Value() == nil {
			delete(registries.m, k)
		}
	}
	if registries.m == nil {
		registries.m = make(map[any]weak.Pointer[registry])
	}
	registries.m[key] = weak.Make(r)
	return r
}

// keeperOf returns who keeps what is connected with this ledger.
func (r *registry) keeperOf(l Ledger) Keeper {
	if keeper, ok := l.(Keeper); ok && r.keeper == nil {
		r.keeper = keeper
	}
	return r.keeper
}

// conflict returns why the name of d is taken by something else.
func (r *registry) conflict(d *definition) error {
	if err := r.former.conflict(d, func(key string) *definition { return r.defined[key] }); err != nil {
		return err
	}
	first := r.defined[d.key()]
	if first == nil {
		return r.names.conflict(d, d.options().unit)
	}
	if err := first.conflict(d); err != nil {
		return err
	}
	if d.monotonic != first.monotonic {
		return first.differs(d, "it was monotonic before")
	}
	return nil
}

// report keeps what d says and creates its instruments.
func (r *registry) report(d *definition, create func(metric.Meter) error) error {
	said := &definition{
		name: d.name, given: d.given, kind: d.kind, float: d.float,
		monotonic: d.monotonic, checkpoints: d.checkpoints, at: d.at, opts: d.options(),
	}
	r.defined[d.key()] = said
	r.former.add(said)
	r.names.add(said)
	meter, ok := r.meters[d.kind]
	if !ok {
		var err error
		if meter, err = r.provider(d.kind); err != nil {
			return fmt.Errorf("create meter: %w", err)
		}
		r.meters[d.kind] = meter
	}
	return safely(func() error { return create(meter) })
}

// safely calls what is not ours: its panic must not reach the application.
func safely(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("recovered from panic: %v", p)
		}
	}()
	return f()
}
