package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Config says whose journal it is. Mirror and Writer have at most 64 bytes.
type Config struct {
	Path     string // of the mirror
	Mirror   string // its id
	Writer   string // the id under which the process signs its recordings
	Seq      int64  // of its last recording
	Observed Observation

	// OnError is told what a caller of [Slot.Changed] is not: once per cause, from
	// any goroutine, while nothing is locked. It must not wait.
	OnError func(error)

	now   func() time.Time
	after func(time.Duration) <-chan time.Time
	wrap  func(*os.File) file
	nonce func() uint64
}

func (c *Config) fill() error {
	if len(c.Mirror) > maxID || len(c.Writer) > maxID {
		return fmt.Errorf("%w: an id of more than %d bytes", ErrTooLarge, maxID)
	}
	if c.OnError == nil {
		c.OnError = func(error) {}
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.after == nil {
		c.after = time.After
	}
	if c.wrap == nil {
		c.wrap = func(f *os.File) file { return f }
	}
	if c.nonce == nil {
		c.nonce = randomNonce
	}
	return nil
}

func randomNonce() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return order.Uint64(b[:]) | 1
}

// Journal is the file in which a living process keeps what it counts. All methods
// are safe for concurrent use and on nil.
//
// No method holds a lock of its caller's while it waits for the disk, but reading
// a slot's value takes the locks of that series: [Slot.Changed], [Journal.Add] and
// [Journal.Begin] are called without them.
type Journal struct {
	config  Config
	pid     int
	waiting waiting

	mu         sync.Mutex // guards what follows, and the writing of everything
	file       file       // nil while there is none
	raw        *os.File
	path       string
	run        run
	seq        int64       // of the latest recording that is in the mirror
	observed   Observation // at it
	begun      []*Slot     // that the recording under way changes
	next       Observation // at it
	end        int64       // of what is in use
	zeroed     int64       // of what holds nothing of an earlier run
	identities area
	values     area
	bases      area
	written    map[string]int64 // where resources and metrics lie
	records    int              // of identities
	slots      []*Slot
	kept       map[string]*Slot // by what identifies their series
	budget     budget
	failed     bool  // until a write of everything succeeds
	full       error // why the file cannot grow, until the next recording
	closed     bool
	scratch    Value

	superseded atomic.Bool
	reporting  sync.Mutex
	reported   map[string]bool
}

// Take returns a journal of the pool for this process. It is held until the
// process ends, or closes it.
func Take(c Config) (*Journal, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	j := &Journal{config: c, pid: os.Getpid(), seq: c.Seq, observed: c.Observed, reported: make(map[string]bool), kept: make(map[string]*Slot)}
	j.waiting.init(j)
	if err := j.takeFile(); err != nil {
		return nil, err
	}
	return j, nil
}

// takeFile starts a run in a vacant file.
func (j *Journal) takeFile() error {
	f, path, err := vacant(j.config.Path)
	if err != nil {
		return err
	}
	j.file, j.raw, j.path = j.config.wrap(f), f, path
	err = j.start()
	if err == nil {
		err = j.check() // notes the mark
	}
	if err != nil {
		_ = j.file.Close() // nothing waits in it
		j.file, j.raw = nil, nil
		return fmt.Errorf("start journal %s: %w", path, err)
	}
	return nil
}

// initialSize is that of a journal with one extent of each kind.
const initialSize = headerSize + firstIdentities + firstValues + firstBases

// start writes the header of a new run over whatever the file held. Until the
// header names the run the file is vacant.
func (j *Journal) start() error {
	j.run = run{
		nonce: j.config.nonce(), mirror: j.config.Mirror, writer: j.config.Writer,
		pid: int64(j.pid), started: j.config.now().UnixNano(),
	}
	j.identities, j.values, j.bases = area{first: firstIdentities}, area{first: firstValues}, area{first: firstBases}
	j.written, j.records = make(map[string]int64), 0
	j.end, j.zeroed, j.failed, j.full = headerSize, initialSize, false, nil
	j.superseded.Store(false)
	if err := writeZeros(j.file, runOffset, initialSize); err != nil {
		return err
	}
	page := make([]byte, headerSize)
	copy(page[runOffset:], j.run.encode())
	t := tag{ok: true, seq: j.seq, observed: j.observed}
	copy(page[tagAt(j.seq):], t.encode(j.run.nonce))
	return writeHeader(j.file, page)
}

// writeHeader writes the first page, but not the mark: that is another process's to
// set and [Journal.Acknowledge]'s to take away.
func writeHeader(f file, page []byte) error {
	if _, err := f.WriteAt(preamble(), 0); err != nil {
		return err
	}
	_, err := f.WriteAt(page[runOffset:], runOffset)
	return err
}

// Path returns where the journal lies.
func (j *Journal) Path() string {
	if j == nil {
		return ""
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.path
}

// check tells whether the file is still this process's. It also notes whether
// another process marked it.
func (j *Journal) check() error {
	switch {
	case j.closed || j.file == nil:
		return ErrClosed
	case forked(j.pid):
		return ErrForked
	}
	info, err := j.file.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	at, err := os.Lstat(j.path)
	if err != nil || !os.SameFile(info, at) {
		return fmt.Errorf("%w: %s was removed or replaced", ErrLost, j.path)
	}
	h, err := readHeader(j.file)
	switch {
	case err == nil && h.run == j.run && info.Size() >= j.zeroed:
		j.superseded.Store(h.marked)
		return j.repair(h)
	case h.run.nonce != 0 && h.run != j.run:
		return fmt.Errorf("%w: %s was taken over", ErrLost, j.path)
	}
	return fmt.Errorf("%w: %s was written by others", errCut, j.path)
}

// repair writes what others damaged in the first page.
func (j *Journal) repair(h header) error {
	if len(h.damage) == 0 {
		return nil
	}
	t := tag{ok: true, seq: j.seq, observed: j.observed, records: j.records}
	if _, err := j.file.WriteAt(t.encode(j.run.nonce), tagAt(j.seq)); err != nil {
		return err
	}
	_, err := j.file.WriteAt(preamble(), 0)
	return err
}

// errCut is met where a file is this process's but does not hold what it wrote.
var errCut = fmt.Errorf("%w, but not its file", ErrLost)

// Superseded reports whether another process decided or erased, as of the start and
// of the last recording: what this one knows of that may be old. After an erasure that is [Journal.Renew], after
// a decision alone [Journal.Acknowledge].
func (j *Journal) Superseded() bool { return j != nil && j.superseded.Load() }

// Acknowledge takes the mark of another process away. Whoever calls it reads
// afterwards what was decided: who decides marks every journal before and after.
func (j *Journal) Acknowledge() error {
	if j == nil {
		return ErrClosed
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.check(); err != nil {
		return err
	}
	_, err := j.file.WriteAt(make([]byte, 8), markOffset)
	if err == nil {
		j.superseded.Store(false)
	}
	return err
}

// Renew starts anew: with what counted since the last recording that was settled,
// under another observation, and where the mirror was replaced under its id. The
// file is overwritten, so that no name, attribute or state is left in it but those
// of series that counted since; what is no longer this process's file is left, and
// another one taken.
func (j *Journal) Renew(mirror string, o Observation) error {
	if j == nil {
		return ErrClosed
	}
	if len(mirror) > maxID {
		return ErrTooLarge
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return ErrClosed
	}
	if forked(j.pid) {
		return ErrForked
	}
	j.config.Mirror, j.observed = mirror, o
	err := j.renew()
	if err != nil {
		j.fail()
	}
	return err
}

// renew is called with the lock.
func (j *Journal) renew() error {
	for _, s := range j.slots {
		s.forget()
	}
	err := j.check()
	if err == nil || errors.Is(err, errCut) && j.locked() {
		if err := empty(j.file, true); err != nil {
			return err
		}
		if err := j.start(); err != nil {
			return err
		}
		return j.writeChanged()
	}
	j.abandon(err)
	if err := j.takeFile(); err != nil {
		return err
	}
	return j.writeChanged()
}

// abandon closes a file that is this process's no more. Where it may still be found
// under another name nothing is to be recovered from it: the next journal holds the
// same counts.
func (j *Journal) abandon(err error) {
	if j.file == nil {
		return
	}
	if h, herr := readHeader(j.file); herr == nil && h.run == j.run && errors.Is(err, ErrLost) {
		_, _ = j.file.WriteAt(make([]byte, runSize), runOffset) // at worst it is gone
	}
	_ = j.file.Close()
	j.file, j.raw = nil, nil
}

// locked takes the lock again, which changes nothing where it is held.
func (j *Journal) locked() bool {
	ok, err := lock(j.raw)
	return ok && err == nil
}

// Close gives the journal back: empty, for the next run, where all that it holds is
// recorded, or is to be dropped; otherwise what it holds waits to be recovered, with
// what waited for the flusher.
func (j *Journal) Close(drop bool) error {
	if j == nil {
		return nil
	}
	j.waiting.stop()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	err := j.leave(drop)
	j.closed = true
	for _, s := range j.slots {
		s.disarm()
	}
	return err
}

func (j *Journal) leave(drop bool) (err error) {
	switch {
	case j.file == nil:
		return nil
	case forked(j.pid):
		return ErrForked // the lock is the parent's, and stays
	case !drop:
		err = j.writeChanged()
	}
	if drop || err == nil && j.isRecorded() {
		err = empty(j.file, false)
	}
	return errors.Join(err, j.file.Close())
}

// isRecorded reports whether the mirror has everything. Of a recording whose
// outcome is not known that is not known either.
func (j *Journal) isRecorded() bool {
	if len(j.begun) > 0 {
		return false
	}
	for _, s := range j.slots {
		s.arm() // what changes from here on is not in time
		s.read(&j.scratch)
		if d, ok := s.shape.minus(j.scratch, s.base, false); !ok || !s.shape.isZero(&d) {
			return false
		}
	}
	return true
}

// empty leaves a file in which nothing waits, the whole of it overwritten where it
// is not to be read any more.
func empty(f file, erase bool) error {
	if erase {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		if err := writeZeros(f, runOffset, info.Size()); err != nil {
			return err
		}
	}
	if err := writeHeader(f, make([]byte, headerSize)); err != nil {
		return err
	}
	if info, err := f.Stat(); err == nil && info.Size() > warmSize {
		_ = f.Truncate(initialSize) // at worst it stays large
	}
	if !erase {
		return nil
	}
	return f.Sync()
}

// fail is called when a write failed. From then on nothing is written but at
// recordings, the first of which that succeeds writes everything.
func (j *Journal) fail() {
	j.failed = true
	for _, s := range j.slots {
		s.disarm()
	}
}

// report tells a cause once.
func (j *Journal) report(err error) {
	if err == nil {
		return
	}
	cause := err.Error()
	j.reporting.Lock()
	again := j.reported[cause] || len(j.reported) >= mostReports
	j.reported[cause] = true
	j.reporting.Unlock()
	if !again {
		j.config.OnError(err)
	}
}

const mostReports = 16
