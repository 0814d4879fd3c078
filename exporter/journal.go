package exporter

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/keeping"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// startJournal is called once, before a series can be kept.
func (e *Exporter) startJournal() {
	if e.config.resource != nil {
		e.keeper = keeping.New(e.resourceFor(nil), nil)
	} else {
		e.keeper = keeping.New(nil, func() {
			if r := e.reader.Load(); r != nil {
				go r.learn()
			}
		})
	}
	e.renewJournal()
	e.store.KeepWith(e.keeper.Keep)
}

// renewJournal begins a journal where there is none: at the start, and once
// recording was switched on again, or the disk has room again. The caller holds the
// lock.
func (e *Exporter) renewJournal() {
	if !e.keeper.IsOn() || e.unresolved != nil || e.writer.Journal() != nil {
		return
	}
	j, err := e.writer.Keep(recording.JournalConfig{})
	if err != nil {
		e.keeper.Note(fmt.Errorf("exporter: %w", err))
	}
	e.keeper.Use(j, e.recorded)
}

// recorded returns what is in the mirror of a series that this run counts in.
func (e *Exporter) recorded(of *series.Series) recording.Value {
	s := e.streamOf(of)
	switch {
	case s == nil:
		return recording.Value{}
	case of.Metric.Type == series.TypeGauge:
		return recording.Value{Moves: s.moves}
	}
	return recording.ValueOf(s.committed)
}

// streamOf returns the stream of a series that is kept, nil before it was collected.
func (e *Exporter) streamOf(of *series.Series) *stream {
	m := of.Metric
	for _, known := range e.metrics[keyOf(of.Resource, m)] {
		if slices.Equal(known.handle.Bounds, m.Bounds) {
			return known.streams[of.Attributes.Equivalent()]
		}
	}
	return nil
}

var errNotAsDeclared = errors.New("exporter: no journal is kept: the provider collects other series than the trackables count, " +
	"because of its views, or because they counted before there was a ledger")

// check gives the journal up where a series was collected that it does not know: it
// would hold the same counts under another name, and a recovery would count them
// twice. The caller holds the lock.
func (c *collection) check(m *knownMetric) {
	if c.journal != nil && !c.e.keeper.IsRefused(m.handle.Name) {
		c.giveUp(m.handle)
	}
}

// checkUncollected gives the journal up where it holds a series that is not collected.
func (c *collection) checkUncollected() {
	if c.journal == nil {
		return
	}
	if of := c.e.keeper.Uncollected(func(of *series.Series) bool { return c.e.streamOf(of) != nil }); of != nil {
		c.giveUp(of.Metric)
	}
}

func (c *collection) giveUp(of *series.Metric) {
	c.e.writer.DropJournal()
	c.e.keeper.GiveUp(fmt.Errorf("%w: %q", errNotAsDeclared, of.Name))
	c.journal = nil
	for i := range c.recording.Changes {
		c.recording.Changes[i].Slot = nil
	}
	for i := range c.recording.Moves {
		c.recording.Moves[i].Slot = nil
	}
}

// learn finds the provider's resource, under which series are kept.
func (r *Reader) learn() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.isShut() && r.Collect(context.Background(), &r.rm) == nil { // else the first recording tells it
		r.exporter.learned(&r.rm)
	}
}
