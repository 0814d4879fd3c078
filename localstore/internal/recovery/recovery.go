package recovery

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journal"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
)

// Recovery recovers the journals of a mirror. Its methods are called with the
// mirror's lock.
type Recovery struct {
	db       *mirrordb.DB
	recorder *recording.Recorder
	looked   int64 // when it last looked for journals
	told     map[string]bool
}

// New returns the recovery of a mirror's journals.
func New(db *mirrordb.DB, r *recording.Recorder) *Recovery {
	return &Recovery{db: db, recorder: r, told: make(map[string]bool)}
}

// interval is how often journals are looked for: with each record interval of an
// ordinary program, which is no longer than a minute, and seldom by one that
// records all the time.
const interval = 30 * time.Second

// atOnce is how many journals are claimed at a time.
const atOnce = 32

// Continue is Run, unless that was a short time ago.
func (r *Recovery) Continue() {
	if r == nil || r.db == nil {
		return
	}
	if since := r.db.Now().UnixNano() - r.looked; since < 0 || since >= int64(interval) {
		r.Run()
	}
}

// Run recovers what waits. It does not wait long for other processes, and what goes
// wrong is reported: the next time it is tried again.
func (r *Recovery) Run() {
	if r == nil || r.db == nil || r.db.ReadOnly || r.db.Existing {
		return
	}
	r.looked = r.db.Now().UnixNano()
	_ = r.db.Briefly(func() error { r.all(func(*journal.Claimed) bool { return true }); return nil })
}

// BeforeDecision recovers what processes left that ended well, for whoever decides,
// also in a mirror that was opened for that alone: it was counted under the former
// decision and would be in the mirror, had they opened it.
func (r *Recovery) BeforeDecision() {
	if r == nil || r.db == nil || r.db.ReadOnly || r.db.IsClosed() {
		return
	}
	_ = r.db.Briefly(func() error { r.all((*journal.Claimed).IsLeft); return nil })
}

func (r *Recovery) all(wanted func(*journal.Claimed) bool) {
	var claimed []*journal.Claimed
	mirror := r.db.Path()
	for i, may := range journalpool.Present(mirror) {
		if may {
			if c := r.claim(journalpool.Path(mirror, i)); c != nil && wanted(c) {
				claimed = append(claimed, c)
			} else {
				c.Release()
			}
		}
		if len(claimed) == atOnce || i == journalpool.Size-1 {
			if !r.each(claimed) {
				return
			}
			claimed = claimed[:0]
		}
	}
}

// claim returns nil where nothing is to be recovered.
func (r *Recovery) claim(path string) *journal.Claimed {
	c, err := journal.Claim(path)
	switch {
	case err == nil:
		return c
	case errors.Is(err, journalfile.ErrDamaged):
		r.report(path, err)
		r.report(path, journal.Discard(path))
	case errors.Is(err, journalfile.ErrNewerFormat):
		r.report(path, err)
	}
	return nil // it is a living one's, or nobody's
}

// each recovers journals and releases them. The one that began last comes first,
// because of two that hold a State the first to be recorded wins. ok is false where
// the mirror has no time.
func (r *Recovery) each(claimed []*journal.Claimed) (ok bool) {
	slices.SortStableFunc(claimed, func(a, b *journal.Claimed) int { return b.Started.Compare(a.Started) })
	ok = true
	for _, c := range claimed {
		if ok {
			ok = r.recover(c)
		}
		c.Release()
	}
	return ok
}

// recover settles one. After a commit whose outcome is not known the journal stays
// as it is: the number in the mirror will tell the next recovery.
func (r *Recovery) recover(c *journal.Claimed) (ok bool) {
	done, err := r.settle(c)
	switch {
	case sqlitedb.HasCode(err, sqlitedb.CodeBusy):
		return false
	case err != nil:
		r.report(c.Path(), err)
		return !errors.Is(err, mirrordb.ErrClosed)
	case done == lost:
		r.report(c.Path(), errors.New("nothing can be told of what was recorded: what it counted is lost"))
	}
	for _, part := range c.Damage {
		r.report(c.Path(), fmt.Errorf("%w: %s", journalfile.ErrDamaged, part))
	}
	if done == dropped {
		err = c.Erase()
	} else {
		err = c.Empty()
	}
	r.report(c.Path(), err)
	return true
}

// report tells a cause once.
func (r *Recovery) report(path string, err error) {
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, journalfile.ErrLiving) {
		return
	}
	err = fmt.Errorf("recover journal %s: %w", path, err)
	if cause := err.Error(); !r.told[cause] && len(r.told) < mostReports {
		r.told[cause] = true
		r.db.Report(err)
	}
}

const mostReports = 64
