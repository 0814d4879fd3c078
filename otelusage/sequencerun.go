package otelusage

import "github.com/anonymoususage/anonymoususage-go/sequence"

// SequenceRun is independent progress through a [Sequence], which counts its
// completions and hits. It is made by [Sequence.NewRun]. All methods are safe
// for concurrent use and do nothing on nil.
type SequenceRun struct {
	of       *Sequence
	progress *sequence.Sequence
}

func (r *SequenceRun) ok() bool { return r != nil && r.progress != nil }

// Hit records a hit of a checkpoint, as [Sequence.Hit] does.
func (r *SequenceRun) Hit(checkpoint string) (completed bool) {
	if !r.ok() {
		return false
	}
	completed, err := r.progress.Hit(checkpoint)
	if err != nil {
		r.of.definition.reportCheckpoint(checkpoint, err)
		return false
	}
	r.of.hits[checkpoint].count(1)
	if completed {
		r.of.done.count(1)
	}
	return completed
}

// AdvanceTo hits every checkpoint up to the first one of that name, as
// [Sequence.AdvanceTo] does.
func (r *SequenceRun) AdvanceTo(checkpoint string) (completed bool) {
	if !r.ok() {
		return false
	}
	completed, err := r.progress.AdvanceTo(checkpoint)
	if err != nil {
		r.of.definition.reportCheckpoint(checkpoint, err)
		return false
	}
	for _, hit := range r.of.definition.checkpoints {
		r.of.hits[hit].count(1)
		if hit == checkpoint {
			break
		}
	}
	if completed {
		r.of.done.count(1)
	}
	return completed
}

// RemoveLast removes the newest hit from the progress and returns its checkpoint;
// ok is false when no hit is held.
func (r *SequenceRun) RemoveLast() (checkpoint string, ok bool) {
	if !r.ok() {
		return "", false
	}
	return r.progress.RemoveLast()
}

// Clear removes all hits of this run from its progress.
func (r *SequenceRun) Clear() {
	if r.ok() {
		r.progress.Clear()
	}
}

// Checkpoint returns the last hit that is still held; ok is false when there
// is none.
func (r *SequenceRun) Checkpoint() (checkpoint string, ok bool) {
	if !r.ok() {
		return "", false
	}
	return r.progress.Checkpoint()
}

// Reached returns the hits that are held, oldest first.
func (r *SequenceRun) Reached() []string {
	if !r.ok() {
		return nil
	}
	return r.progress.Reached()
}

// Completions returns how often this run completed the sequence.
func (r *SequenceRun) Completions() int64 {
	if !r.ok() {
		return 0
	}
	return r.progress.Completions()
}
