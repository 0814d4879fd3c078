package otelusage

import (
	"fmt"
	"sync"

	"github.com/anonymoususage/anonymoususage-go/otelusage/internal/peek"
	"github.com/anonymoususage/anonymoususage-go/sequence"
)

// Sequence counts how often checkpoints are hit in exactly the given order, as
// package [sequence] recognises it. It is made by [Tracker.Sequence] or
// [NewSequence], has progress of its own, and makes independent runs by
// [Sequence.NewRun], whose completions count together. All methods are safe for
// concurrent use and do nothing on nil.
type Sequence struct {
	definition *definition
	own        SequenceRun
	hits       map[string]*cell // by checkpoint
	done       *cell

	mu    sync.Mutex // guards state; taken before that of the funnel
	state *funnel
}

func newSequence(m *definition) *Sequence {
	f := newFunnel(m.checkpoints)
	s := &Sequence{definition: m, state: f, hits: make(map[string]*cell), done: f.completions.first()}
	for i, checkpoint := range f.names {
		s.hits[checkpoint] = f.hits[i].first()
	}
	s.own = s.newRun()
	return s
}

func (s *Sequence) ok() bool { return s != nil && s.definition != nil }

func (s *Sequence) newRun() SequenceRun {
	progress, err := sequence.New(s.definition.checkpoints...)
	if err != nil { // a declaration that was refused
		progress = new(sequence.Sequence)
	}
	return SequenceRun{of: s, progress: progress}
}

func (s *Sequence) run() *SequenceRun {
	if !s.ok() {
		return nil
	}
	return &s.own
}

// NewRun returns a run with progress of its own and the same counters.
func (s *Sequence) NewRun() *SequenceRun {
	if !s.ok() {
		return nil
	}
	r := s.newRun()
	return &r
}

// Hit records a hit of a checkpoint and reports whether it completed the
// sequence. It does not allocate. An unknown checkpoint changes nothing and is
// reported once per checkpoint.
func (s *Sequence) Hit(checkpoint string) (completed bool) { return s.run().Hit(checkpoint) }

// AdvanceTo hits every checkpoint from the first up to and including the first
// one of that name, and reports whether that completed the sequence.
func (s *Sequence) AdvanceTo(checkpoint string) (completed bool) {
	return s.run().AdvanceTo(checkpoint)
}

// RemoveLast removes the newest hit from the progress and returns its checkpoint;
// ok is false when no hit is held. The hit stays counted in NAME.checkpoints.
func (s *Sequence) RemoveLast() (checkpoint string, ok bool) { return s.run().RemoveLast() }

// Clear removes all hits from the progress. Completions are kept.
func (s *Sequence) Clear() { s.run().Clear() }

// Checkpoint returns the last hit that is still held; ok is false when there
// is none.
func (s *Sequence) Checkpoint() (checkpoint string, ok bool) { return s.run().Checkpoint() }

// Reached returns the hits that are held, oldest first.
func (s *Sequence) Reached() []string { return s.run().Reached() }

// Checkpoints returns a copy of the checkpoints.
func (s *Sequence) Checkpoints() []string {
	if !s.ok() {
		return nil
	}
	return s.own.progress.Checkpoints()
}

// UpTo returns the checkpoints that [Sequence.AdvanceTo] hits, or
// [sequence.ErrInvalidCheckpoint].
func (s *Sequence) UpTo(checkpoint string) ([]string, error) {
	if !s.ok() {
		return (*sequence.Sequence)(nil).UpTo(checkpoint) // it has no checkpoints
	}
	return s.own.progress.UpTo(checkpoint)
}

// Completions returns how often the sequence was completed, by all its runs
// and over all runs of the application.
func (s *Sequence) Completions() int64 {
	if !s.ok() {
		return 0
	}
	return s.funnel().value()
}

func (s *Sequence) funnel() *funnel {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// Name returns the name under which the Sequence is reported.
func (s *Sequence) Name() string {
	if !s.ok() {
		return ""
	}
	return s.definition.name
}

// Kind returns [KindSequence].
func (s *Sequence) Kind() Kind { return KindSequence }

// Description returns what [WithDescription] said.
func (s *Sequence) Description() string {
	if !s.ok() {
		return ""
	}
	return s.definition.options().description
}

// String returns the name and the completions: "round_trip: 4 completions".
func (s *Sequence) String() string {
	if !s.ok() {
		return ""
	}
	return s.definition.name + ": " + plural(fmt.Sprint(s.Completions()), "completion")
}

func (s *Sequence) sealed()            {}
func (s *Sequence) about() *definition { return s.definition }
func (s *Sequence) reset()             { s.funnel().reset() }

func (s *Sequence) measure(yield func(label string, m peek.Measure)) {
	yield(s.definition.name, peek.Measure{Kind: peek.Sequence, Count: s.Completions()})
}

func (s *Sequence) connect(to *connection) error {
	return connect(to, s.definition, to.registry.sequences, s.join, createSequence(s.definition))
}

// join makes the Sequence use shared, or its own funnel where it is nil.
func (s *Sequence) join(shared *funnel, earlier earlierRuns) (used *funnel, changed changes, err error) {
	var completions int64
	for _, l := range earlier.Series {
		completions = plus(completions, l.Int)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if shared != nil {
		changed = shared.merge(s.state)
		s.state = shared
	}
	s.state.restore(completions, earlier.known && earlier.ledger)
	return s.state, changed, nil
}
