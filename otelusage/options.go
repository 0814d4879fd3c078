package otelusage

import "slices"

// StatisticOption configures [Tracker.Statistic] and [Tracker.FloatStatistic].
type StatisticOption interface {
	applyStatistic(options) options
}

// StateOption configures [Tracker.State].
type StateOption interface {
	applyState(options) options
}

// TimerOption configures [Tracker.Timer].
type TimerOption interface {
	applyTimer(options) options
}

// SequenceOption configures [Tracker.Sequence].
type SequenceOption interface {
	applySequence(options) options
}

// TrackableOption configures any kind of trackable.
type TrackableOption interface {
	StatisticOption
	StateOption
	TimerOption
	SequenceOption
}

type options struct {
	description   string
	unit          string
	monotonic     bool
	keepRedundant bool
	renamedFrom   []string // as given
	declared      *declared
}

type anyOption func(options) options

func (f anyOption) applyStatistic(o options) options { return f(o) }
func (f anyOption) applyState(o options) options     { return f(o) }
func (f anyOption) applyTimer(o options) options     { return f(o) }
func (f anyOption) applySequence(o options) options  { return f(o) }

type statisticOption func(options) options

func (f statisticOption) applyStatistic(o options) options { return f(o) }

type stateOption func(options) options

func (f stateOption) applyState(o options) options { return f(o) }

// WithDescription says what is counted, for people. Default: none. It is cut
// to 1,024 bytes.
func WithDescription(d string) TrackableOption {
	return anyOption(func(o options) options {
		o.description = cut(d)
		return o
	})
}

// RenamedFrom says that a trackable of the same kind was called old in former
// releases. What was recorded under the old name continues under the new one.
// The option may be given more than once: the records of all these names are
// combined. A trackable that was renamed twice needs both former names, for users
// who skip a release. Keep the option as long as mirrors with the old name may
// exist.
//
// Processes of the former release still use the old name and count into the same
// trackable. So an old name stays taken: declaring it beside the new one is
// [ErrConflict], and so are two trackables with one former name. A former name
// that OpenTelemetry does not accept, as the Python library allowed,
// stands for the valid one that [SuggestName] returns. Without a [Ledger] the
// option has no effect.
func RenamedFrom(old string) TrackableOption {
	return anyOption(func(o options) options {
		o.renamedFrom = append(slices.Clip(o.renamedFrom), old)
		return o
	})
}

// WithUnit sets the unit of a Statistic, in [UCUM] notation such as "By" or
// "{page}": at most 63 ASCII characters, as OpenTelemetry wants it. Default:
// none.
//
// [UCUM]: https://ucum.org/ucum
func WithUnit(u string) StatisticOption {
	return statisticOption(func(o options) options {
		o.unit = u
		return o
	})
}

// Monotonic declares a Statistic that never goes down: negative amounts are
// reported and ignored. Default: it may go down.
func Monotonic() StatisticOption {
	return statisticOption(func(o options) options {
		o.monotonic = true
		return o
	})
}

// KeepRedundant counts it as a change when a State is set to the value that it
// already has. The initial state is then entered, and counted, where no earlier
// run set any. The Python library does the same. Default: neither
// counts.
func KeepRedundant() StateOption {
	return stateOption(func(o options) options {
		o.keepRedundant = true
		return o
	})
}

func fold[O any](opts []O, apply func(O, options) options) options {
	var o options
	for _, opt := range opts {
		if !isNil(opt) {
			o = apply(opt, o)
		}
	}
	return o
}
