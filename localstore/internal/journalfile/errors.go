package journalfile

import "errors"

// What keeps a process from keeping a journal, or a series from being in it. The
// counts of such a process live as long as it does.
var (
	// ErrPoolUsedUp is returned where each name of the pool is taken: by a living
	// process, by counts that nobody recovered, or by something else.
	ErrPoolUsedUp = errors.New("journal: every journal is taken")

	// ErrNotJournal is met where something else lies in a journal's place. It is
	// left alone.
	ErrNotJournal = errors.New("journal: not a journal")

	// ErrNewerFormat is met where a later version of this package wrote. The file
	// is left alone, unless everything is erased.
	ErrNewerFormat = errors.New("journal: newer format")

	// ErrLiving is returned for the journal of a living process.
	ErrLiving = errors.New("journal: its process lives")

	// ErrEmpty is returned for a journal in which nothing waits.
	ErrEmpty = errors.New("journal: empty")

	// ErrDamaged is met where the bytes are not what was written.
	ErrDamaged = errors.New("journal: damaged")

	// ErrSuperseded is returned to an owner whose journal another process asked it
	// to give up, because of a decision or an erasure: see [Journal.Renew].
	ErrSuperseded = errors.New("journal: superseded")

	// ErrLost is met where a file is no longer the owner's: it was removed,
	// replaced, cut, or taken over.
	ErrLost = errors.New("journal: lost")

	// ErrClosed is returned by a journal that was closed.
	ErrClosed = errors.New("journal: closed")

	// ErrForked is met in a child that was forked without starting a program of its
	// own. The journal is its parent's.
	ErrForked = errors.New("journal: belongs to the process that forked this one")

	// ErrKind is returned for a series of a kind that is not kept.
	ErrKind = errors.New("journal: kind of series is not kept")

	// ErrKept is returned for a series that has a slot.
	ErrKept = errors.New("journal: series is kept already")

	// ErrTooLarge is returned for a series whose identity or value does not fit.
	ErrTooLarge = errors.New("journal: series is too large")
)
