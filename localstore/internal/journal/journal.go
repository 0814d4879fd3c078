package journal

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// Config says whose journal it is. Mirror and Writer have at most 64 bytes.
type Config struct {
	Path     string // of the mirror
	Mirror   string // its id
	Writer   string // the id under which the process signs its recordings
	Seq      int64  // of its last recording
	Observed journalfile.Observation

	// Clock says when it begins, for a mirror that has a clock of its own.
	Clock func() time.Time

	// Waits says of names of the pool that counts wait there, as far as is known: they
	// are tried last.
	Waits *[journalpool.Size]bool

	// Inherit are journals that the process may go on with, as [journalpool.ListShort] found them.
	// They are for one use.
	Inherit []*journalpool.Found

	// OnError is told what a caller of [Slot.Changed] is not: once per cause, from
	// any goroutine, while nothing is locked. It must not wait.
	OnError func(error)

	now   func() time.Time
	after func(time.Duration) <-chan time.Time
	wrap  func(*os.File) journalfile.File
	nonce func() uint64
}

func (c *Config) fill() error {
	if len(c.Mirror) > journalfile.MaxID || len(c.Writer) > journalfile.MaxID {
		return fmt.Errorf("%w: an id of more than %d bytes", journalfile.ErrTooLarge, journalfile.MaxID)
	}
	if c.OnError == nil {
		c.OnError = func(error) {}
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.Clock == nil {
		c.Clock = c.now
	}
	if c.after == nil {
		c.after = time.After
	}
	if c.wrap == nil {
		c.wrap = func(f *os.File) journalfile.File { return f }
	}
	if c.nonce == nil {
		c.nonce = randomNonce
	}
	return nil
}

// randomNonce tells runs apart, and keeps no secret. The first use of crypto/rand in a
// process costs as much as all that a short run writes.
func randomNonce() uint64 { return rand.Uint64() | 1 } //nolint:gosec // the system seeds it anew in each process

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

	mu         sync.Mutex       // guards what follows, and the writing of everything
	file       journalfile.File // nil while there is none
	raw        *os.File
	path       string
	run        journalfile.Run
	started    int64                   // of this process's part of the run
	seq        int64                   // of the latest recording that is in the mirror
	observed   journalfile.Observation // at it
	begun      []*Slot                 // that the recording under way changes
	next       journalfile.Observation // at it
	end        int64                   // of what is in use
	zeroed     int64                   // of what holds nothing of an earlier run
	identities area
	values     area
	bases      area
	written    map[string]int64 // where resources and metrics lie
	records    int              // of identities
	slots      []*Slot
	kept       map[string]*Slot // by what identifies their series
	idle       map[string]*Slot // that were inherited, and of which this process keeps nothing
	budget     budget
	failed     bool  // until a write of everything succeeds
	full       error // why the file cannot grow, until the next recording
	closed     bool
	scratch    journalfile.Value

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
	if !j.inherit() {
		if err := j.takeFile(); err != nil {
			return nil, err
		}
	}
	return j, nil
}

// takeFile starts a run in a vacant file.
func (j *Journal) takeFile() error {
	f, path, err := vacant(j.config.Path, j.config.Waits)
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

// start writes the header of a new run over whatever the file held. Until the
// header names the run the file is vacant.
func (j *Journal) start() error {
	j.run = journalfile.Run{
		Nonce: j.config.nonce(), Mirror: j.config.Mirror, Writer: j.config.Writer,
		Pid: int64(j.pid), Started: j.config.Clock().UnixNano(),
	}
	j.started = j.run.Started
	j.identities, j.values, j.bases = area{first: journalfile.FirstIdentities}, area{first: journalfile.FirstValues}, area{first: journalfile.FirstBases}
	j.written, j.records = make(map[string]int64), 0
	j.end, j.zeroed, j.failed, j.full = journalfile.HeaderSize, journalfile.InitialSize, false, nil
	j.superseded.Store(false)
	if err := journalfile.WriteZeros(j.file, journalfile.RunOffset, journalfile.InitialSize); err != nil {
		return err
	}
	page := make([]byte, journalfile.HeaderSize)
	copy(page[journalfile.RunOffset:], j.run.Encode())
	t := journalfile.Tag{Ok: true, Seq: j.seq, Observed: j.observed}
	copy(page[journalfile.TagAt(j.seq):], t.Encode(j.run.Nonce))
	return writeHeader(j.file, page)
}

// writeHeader writes the first page, but not the mark: that is another process's to
// set and [Journal.Acknowledge]'s to take away.
func writeHeader(f journalfile.File, page []byte) error {
	if _, err := f.WriteAt(journalfile.Preamble(), 0); err != nil {
		return err
	}
	_, err := f.WriteAt(page[journalfile.RunOffset:], journalfile.RunOffset)
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
