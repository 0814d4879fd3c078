package otelusage

import (
	"fmt"
	"sync"
	"time"
)

// maxRuns is the number of started runs that a Tracker can stop at Close.
const maxRuns = 10_000

// Run is one measurement of a [Timer]. It is made by [Timer.NewRun] or
// [Timer.Begin] and may be used again after Stop. All methods are safe for
// concurrent use and do nothing on nil. [Tracker.Close] stops started runs; the
// tracker remembers up to 10,000 of them for that.
type Run struct {
	timer *Timer

	mu     sync.Mutex // guards what follows; taken before that of the Tracker
	phase  phase
	since  time.Time     // while running
	passed time.Duration // before since
}

// phase is the state of a Run. Start leads from idle or paused to running, Pause
// from running to paused, Resume from paused to running, and Stop to idle.
type phase int

const (
	idle    phase = iota // passed is 0
	running              // passed and the time since since count
	paused               // passed counts
)

func (r *Run) ok() bool { return r != nil && r.timer != nil }

// Start begins an idle run. A paused run resumes; a running one continues.
func (r *Run) Start() {
	if !r.ok() {
		return
	}
	r.mu.Lock()
	begun := r.phase == idle
	if r.phase != running {
		r.phase, r.since = running, r.now()
	}
	full := begun && !r.timer.definition.tracker.started(r)
	r.mu.Unlock()
	if full {
		r.timer.definition.report("runs", fmt.Errorf("start: more than %d runs at once: Close will not stop all of them", maxRuns))
	}
}

// Pause pauses a run. It does nothing unless the run is running.
func (r *Run) Pause() {
	if !r.ok() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase == running {
		r.passed = r.elapsed()
		r.phase = paused
	}
}

// Resume continues a paused run. It does nothing unless the run is paused.
func (r *Run) Resume() {
	if !r.ok() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase == paused {
		r.phase, r.since = running, r.now()
	}
}

// Stop ends the run, records it and returns its duration without pauses. If
// it was not started, Stop returns 0 and records nothing.
func (r *Run) Stop() time.Duration {
	if !r.ok() {
		return 0
	}
	r.mu.Lock()
	if r.phase == idle {
		r.mu.Unlock()
		return 0
	}
	d := r.elapsed()
	r.phase, r.passed = idle, 0
	r.timer.definition.tracker.ended(r)
	r.mu.Unlock()
	r.timer.record(d)
	return d
}

// Elapsed returns the duration so far without pauses; 0 if the run was not
// started.
func (r *Run) Elapsed() time.Duration {
	if !r.ok() {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.elapsed()
}

// elapsed is never negative, not even by a clock that was set back.
func (r *Run) elapsed() time.Duration {
	if r.phase != running {
		return r.passed
	}
	return r.passed + max(0, r.now().Sub(r.since))
}

func (r *Run) now() time.Time { return r.timer.definition.tracker.clock() }

// started notes a run for Close and reports whether there was room.
func (t *Tracker) started(r *Run) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return true
	}
	if len(t.runs) >= maxRuns {
		return false
	}
	if t.runs == nil {
		t.runs = make(map[*Run]struct{})
	}
	t.runs[r] = struct{}{}
	return true
}

func (t *Tracker) ended(r *Run) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.runs, r)
}
