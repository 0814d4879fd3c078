package otelusage

import (
	"reflect"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
)

// Option configures [New] and [Tracker.Attach].
type Option interface {
	apply(config) config
}

type config struct {
	provider metric.MeterProvider
	ledger   Ledger
	handler  func(error)
	strict   bool
}

type optionFunc func(config) config

func (f optionFunc) apply(c config) config { return f(c) }

func newConfig(opts []Option) config {
	var c config
	for _, opt := range opts {
		if opt != nil {
			c = opt.apply(c)
		}
	}
	if c.provider == nil {
		c.provider = otel.GetMeterProvider()
	}
	return c
}

// WithMeterProvider reports to the instruments of mp. Default, also for nil:
// the global one, [otel.GetMeterProvider].
func WithMeterProvider(mp metric.MeterProvider) Option {
	return optionFunc(func(c config) config {
		if !isNil(mp) {
			c.provider = mp
		}
		return c
	})
}

// WithLedger restores lifetimes from l, which also keeps counts where it is a
// [Keeper]. Default, also for nil: none, every
// lifetime begins at zero.
func WithLedger(l Ledger) Option {
	return optionFunc(func(c config) config {
		if !isNil(l) {
			c.ledger = l
		}
		return c
	})
}

// WithErrorHandler passes f the errors that cannot be returned to a caller, once
// per cause. f may be called concurrently; a panic in it is recovered. Default,
// also for nil: [otel.Handle].
func WithErrorHandler(f func(error)) Option {
	return optionFunc(func(c config) config {
		if f != nil {
			c.handler = f
		}
		return c
	})
}

// DeclaredOnly refuses free text: of a State only the values of [WithStates] are
// recorded, and of attributes only what [WithValues] declares, or true and false of
// a key that [WithKeys] declares. Other states and values are [OtherValue], and
// attributes with other keys are left out. That includes what was counted before
// attaching. It is reported once per cause, and so is a State without WithStates.
// What a mirror holds from earlier releases stays as it is, except that a last state
// which is not declared is left for OtherValue. Default: what is declared without
// values may have any.
func DeclaredOnly() Option {
	return optionFunc(func(c config) config {
		c.strict = true
		return c
	})
}

// isNil also sees the nil pointer inside an interface.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Slice, reflect.Chan:
		return r.IsNil()
	}
	return false
}
