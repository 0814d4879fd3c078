package otelusage

import (
	"slices"

	"go.opentelemetry.io/otel/attribute"
)

// OtherValue stands for every state and attribute value that was not declared
// where values are declared. An application may declare it, too.
const OtherValue = "other"

// AttributeOption configures what has attributes: [Tracker.Statistic],
// [Tracker.FloatStatistic] and [Tracker.Timer].
type AttributeOption interface {
	StatisticOption
	TimerOption
}

type attributeOption func(options) options

func (f attributeOption) applyStatistic(o options) options { return f(o) }
func (f attributeOption) applyTimer(o options) options     { return f(o) }

// WithValues declares which values an attribute may have. With records any other
// value as [OtherValue] and reports that once, without the value. Values of other
// types than text are compared by their text: "true", "3". Values given again for a
// key are added. Default: any value.
func WithValues(key string, values ...string) AttributeOption {
	return attributeOption(func(o options) options {
		o.declared = o.declared.clone()
		k := attribute.Key(key)
		o.declared.values[k] = append(slices.Clip(o.declared.values[k]), values...)
		return o
	})
}

// WithKeys declares which keys attributes may have, besides those of [WithValues].
// With leaves out an attribute with any other key and reports that once, without
// key and value: the counts go to the series without it. WithKeys() allows none.
// Default: any key.
func WithKeys(keys ...string) AttributeOption {
	return attributeOption(func(o options) options {
		o.declared = o.declared.clone()
		o.declared.closed = true
		for _, key := range keys {
			o.declared.keys = append(o.declared.keys, attribute.Key(key))
		}
		return o
	})
}

// WithStates declares which values a State may have, besides [NoState]. Any other
// one, be it set, initial or restored, is recorded as [OtherValue] and reported
// once, without the value. The option may be given more than once. Default: any
// value.
func WithStates(states ...string) StateOption {
	return stateOption(func(o options) options {
		o.declared = o.declared.clone()
		o.declared.states = append(o.declared.states, states...)
		return o
	})
}
