package journal

import (
	"sync"
	"time"
)

// Budget is how many changes a second are written by the calls that make them.
const Budget = 1000

// FlushWithin is when a change beyond the budget is written at the latest. The
// flusher waits for half of it and leaves the rest to the scheduler and the disk.
const FlushWithin = 10 * time.Millisecond

// budget refills evenly. The journal's mutex guards it.
type budget struct {
	left float64
	at   time.Time
}

func (b *budget) take(now time.Time) bool {
	elapsed := now.Sub(b.at).Seconds()
	if b.at.IsZero() || elapsed < 0 { // a clock that was set back has no part in it
		b.at = now
		if b.left == 0 {
			b.left = Budget
		}
		elapsed = 0
	}
	b.left, b.at = min(Budget, b.left+elapsed*Budget), now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// waiting are the slots that a flusher is to write. It has a goroutine only while
// there are any.
type waiting struct {
	journal *Journal
	quit    chan struct{}

	mu      sync.Mutex
	list    []*Slot
	running bool
	stopped bool
	done    sync.WaitGroup
}

func (w *waiting) init(j *Journal) { w.journal, w.quit = j, make(chan struct{}) }

// add leaves a slot to the flusher. After a stop the last write of the journal finds
// it: its gate is not armed.
func (w *waiting) add(s *Slot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped || s.queued {
		return
	}
	s.queued = true
	w.list = append(w.list, s)
	if !w.running {
		w.running = true
		w.done.Add(1)
		go w.run()
	}
}

func (w *waiting) run() {
	defer w.done.Done()
	for {
		select {
		case <-w.journal.config.after(FlushWithin / 2):
		case <-w.quit:
		}
		w.journal.report(w.journal.write(w.take()))
		if w.finish() {
			return
		}
	}
}

// take empties the list before the slots are written: what changes again is to
// wait again.
func (w *waiting) take() []*Slot {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.list
	for _, s := range list {
		s.queued = false
	}
	w.list = nil
	return list
}

func (w *waiting) finish() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = len(w.list) > 0
	return !w.running
}

// stop writes what waits at once and returns when the goroutine has ended.
func (w *waiting) stop() {
	w.mu.Lock()
	if !w.stopped {
		w.stopped = true
		close(w.quit)
	}
	w.mu.Unlock()
	w.done.Wait()
}

// write writes slots that waited, as far as nobody did meanwhile.
func (j *Journal) write(list []*Slot) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed || j.failed {
		return nil
	}
	err := j.mayWrite()
	for _, s := range list {
		if err == nil && !s.clean() {
			err = j.stage(s, false)
		}
	}
	if err == nil {
		err = j.flushAll()
	}
	if err != nil {
		j.fail()
		return err
	}
	return j.full
}

// lockSoon locks the journal if whoever has it gives it back soon: a write takes
// microseconds, unless the processor has more to do than it can. Where a disk stands
// still nobody waits twice for the same series.
func (j *Journal) lockSoon() bool {
	if j.mu.TryLock() {
		return true
	}
	const pause, patience = 20 * time.Microsecond, 100 * time.Millisecond
	for until := j.config.now().Add(patience); j.config.now().Before(until); time.Sleep(pause) {
		if j.mu.TryLock() {
			return true
		}
	}
	return false
}

// writeWaiting writes what waits for the flusher: whoever has the journal has it now.
func (j *Journal) writeWaiting() error {
	list := j.waiting.take()
	for _, s := range list {
		if !s.clean() {
			if err := j.stage(s, false); err != nil {
				return err
			}
		}
	}
	if len(list) == 0 {
		return nil
	}
	return j.flushAll()
}
