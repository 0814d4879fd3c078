package otelusage

import "fmt"

// Kind is one of the four kinds of trackables.
type Kind int

// The kinds of trackables, in the order in which [Tracker.All] lists them.
const (
	KindStatistic Kind = iota + 1
	KindState
	KindTimer
	KindSequence
)

var kindNames = [...]string{KindStatistic: "statistic", KindState: "state", KindTimer: "timer", KindSequence: "sequence"}

// String returns the kind in lower case, as [KindKey] carries it.
func (k Kind) String() string {
	if k < KindStatistic || k > KindSequence {
		return fmt.Sprintf("kind(%d)", int(k))
	}
	return kindNames[k]
}

// ParseKind is the inverse of [Kind.String].
func ParseKind(s string) (Kind, bool) {
	for k, name := range kindNames {
		if name != "" && name == s {
			return Kind(k), true
		}
	}
	return 0, false
}
