package otelusage

var defaultTracker Tracker

// Default returns the tracker on which package variables are declared. Packages
// standalone and setup attach it unless they are given another one. Otherwise
// the application must attach it; until then its counts are not collected.
func Default() *Tracker { return &defaultTracker }

// NewStatistic declares a Statistic on [Default]. It never returns nil; an
// error is kept for [Tracker.Attach] and [Tracker.Err].
func NewStatistic(name string, opts ...StatisticOption) *Statistic {
	s, _ := Default().Statistic(name, opts...)
	return s
}

// NewFloatStatistic declares a FloatStatistic on [Default]. It never returns
// nil; an error is kept for [Tracker.Attach] and [Tracker.Err].
func NewFloatStatistic(name string, opts ...StatisticOption) *FloatStatistic {
	s, _ := Default().FloatStatistic(name, opts...)
	return s
}

// NewState declares a State on [Default]. It never returns nil; an error is
// kept for [Tracker.Attach] and [Tracker.Err].
func NewState(name, initial string, opts ...StateOption) *State {
	s, _ := Default().State(name, initial, opts...)
	return s
}

// NewTimer declares a Timer on [Default]. It never returns nil; an error is
// kept for [Tracker.Attach] and [Tracker.Err].
func NewTimer(name string, opts ...TimerOption) *Timer {
	t, _ := Default().Timer(name, opts...)
	return t
}

// NewSequence declares a Sequence on [Default]. It never returns nil; an error
// is kept for [Tracker.Attach] and [Tracker.Err].
func NewSequence(name string, checkpoints []string, opts ...SequenceOption) *Sequence {
	s, _ := Default().Sequence(name, checkpoints, opts...)
	return s
}
