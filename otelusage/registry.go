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
// and one core per name, so that two of them report one series and not two
// that are in each other's way. It lives as long as the provider, whose
// callbacks hold it, or its trackers.
type registry struct {
	mu       sync.Mutex // held while the provider is called; callbacks do not take it
	provider func(Kind) (metric.Meter, error)
	meters   map[Kind]metric.Meter
	cores    map[string]registered
	former   formerNames
}

// registered is a core and what its first declaration said.
type registered struct {
	definition *definition
	core       any
}

// owned is a core that is observed: the callback holds it, and it the registry.
type owned interface{ ownedBy(r *registry) }

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
		meters: make(map[Kind]metric.Meter),
		cores:  make(map[string]registered),
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

// find returns the core of m's name, nil when it is new, and an error when the
// name is taken by something else.
func (r *registry) find(m *definition) (any, error) {
	if err := r.former.conflict(m, func(key string) *definition { return r.cores[key].definition }); err != nil {
		return nil, err
	}
	found, ok := r.cores[m.key()]
	if !ok {
		return nil, nil
	}
	if err := found.definition.conflict(m); err != nil {
		return nil, err
	}
	if m.monotonic != found.definition.monotonic {
		return nil, found.definition.differs(m, "it was monotonic before")
	}
	return found.core, nil
}

// add keeps a core and creates its instruments.
func (r *registry) add(m *definition, core owned, create func(metric.Meter) error) error {
	o := m.options()
	core.ownedBy(r)
	said := &definition{
		name: m.name, given: m.given, kind: m.kind, float: m.float,
		monotonic: m.monotonic, checkpoints: m.checkpoints, at: m.at, opts: o,
	}
	r.cores[m.key()] = registered{core: core, definition: said}
	r.former.add(said)
	meter, ok := r.meters[m.kind]
	if !ok {
		var err error
		if meter, err = r.provider(m.kind); err != nil {
			return fmt.Errorf("create meter: %w", err)
		}
		r.meters[m.kind] = meter
	}
	return safely(func() error { return create(meter) })
}

// connection is what trackables connect to.
type connection struct {
	registry *registry
	ledger   Ledger
}

// declare asks the ledger. known is false where it failed.
func (e *connection) declare(m *definition) (life Lifetime, known bool, err error) {
	if e.ledger == nil {
		return Lifetime{}, true, nil
	}
	err = safely(func() error {
		life, err = e.ledger.Declare(m.declaration())
		return err
	})
	if err != nil {
		return Lifetime{}, false, &restoreError{m.kind, m.name, err}
	}
	return life, true, nil
}

// restoreError is reported once for all trackables with the same cause: a
// ledger that cannot be read fails for each of them.
type restoreError struct {
	kind Kind
	name string
	err  error
}

func (e *restoreError) Error() string {
	return fmt.Sprintf("restore %s %q: %v", e.kind, e.name, e.err)
}

func (e *restoreError) Unwrap() error { return e.err }

// safely calls what is not ours: its panic must not reach the application.
func safely(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("recovered from panic: %v", p)
		}
	}()
	return f()
}
