package otelusage

import (
	"fmt"
	"strconv"

	"github.com/anonymoususage/anonymoususage-go/otelusage/internal/promname"
)

// metrics returns the metrics that carry a trackable whose unit is unit.
func (m *definition) metrics(unit string) []promname.Metric {
	list := []promname.Metric{{Name: m.name, Unit: unit}}
	switch m.kind {
	case KindStatistic:
		if m.monotonic {
			list[0].Type = promname.Counter
		}
	case KindTimer:
		list[0].Type = promname.Histogram
	case KindState:
		list = append(list, promname.Metric{Name: m.name + ChangesSuffix, Type: promname.Counter}, promname.Metric{Name: m.name + OccupancySuffix})
	case KindSequence:
		list[0].Type = promname.Counter
		list = append(list, promname.Metric{Name: m.name + CheckpointsSuffix, Type: promname.Counter})
	}
	return list
}

// receivedName is a name that a receiver knows: of a metric without what Prometheus
// drops, or of a series of Prometheus.
type receivedName struct {
	series bool
	name   string
}

func receivedNames(metrics []promname.Metric) (names []receivedName) {
	for _, metric := range metrics {
		names = append(names, receivedName{false, promname.Fold(metric.Name)})
		for _, series := range metric.Series() {
			names = append(names, receivedName{true, series})
		}
	}
	return names
}

// metricNames are the trackables by the names that a receiver knows of their metrics.
// Two trackables with one such name would be added up there, or one of them dropped.
// Former names are not among them: who leaves a collision by renaming declares one.
type metricNames map[receivedName]*definition

func (n *metricNames) add(m *definition) {
	if *n == nil {
		*n = make(metricNames)
	}
	for _, name := range receivedNames(m.metrics(m.options().unit)) {
		(*n)[name] = m
	}
}

func (n metricNames) remove(m *definition) {
	for _, name := range receivedNames(m.metrics(m.options().unit)) {
		delete(n, name)
	}
}

// taken returns a name that another trackable has, and that trackable.
func (n metricNames) taken(key string, metrics []promname.Metric) (string, *definition) {
	for _, name := range receivedNames(metrics) {
		if other := n[name]; other != nil && other.key() != key {
			return name.name, other
		}
	}
	return "", nil
}

// conflict returns why d, whose unit is unit, cannot be declared.
func (n metricNames) conflict(d *definition, unit string) error {
	name, other := n.taken(d.key(), d.metrics(unit))
	if other == nil {
		return nil
	}
	return fmt.Errorf("declare %s %q at %v: %w: a receiver cannot tell it from %s %q at %v, both have %q there; %q is free, and RenamedFrom(%q) keeps what was recorded",
		d.kind, d.name, d.at, ErrConflict, other.kind, other.name, other.at, name, n.free(d, unit), d.name)
}

// free returns a name like that of d that no trackable has.
func (n metricNames) free(d *definition, unit string) string {
	like := &definition{kind: d.kind, monotonic: d.monotonic}
	for i := 2; ; i++ {
		number := "_" + strconv.Itoa(i)
		like.name = d.name[:min(len(d.name), MaxNameLength-len(number))] + number
		if _, other := n.taken("", like.metrics(unit)); other == nil && checkReceived(like, unit) == nil {
			return like.name
		}
	}
}

// received are the names that a receiver has besides those of trackables.
var received = func() map[receivedName]bool {
	own := []promname.Metric{{Name: "target.info"}} // of the Collector, about who sends
	for _, name := range []string{"active", "erased", "submissions"} {
		own = append(own, promname.Metric{Name: ReservedPrefix + name, Type: promname.Counter})
	}
	names := make(map[receivedName]bool)
	for _, name := range receivedNames(own) {
		names[name] = true
	}
	return names
}()

// checkReceived returns why the name of d is none for a receiver.
func checkReceived(d *definition, unit string) error {
	for _, name := range receivedNames(d.metrics(unit)) {
		if received[name] {
			return fmt.Errorf("%w: a receiver has %q besides trackables; %q would be valid", ErrInvalidName, name.name, metricNames(nil).free(d, unit))
		}
	}
	return nil
}
