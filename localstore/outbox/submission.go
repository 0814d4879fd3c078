package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/batch"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/importer"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Forwarder is what kind of forwarder a submission is made for.
type Forwarder string

// The kinds of forwarders.
const (
	Delta      Forwarder = schema.Delta      // gets what is new, sealed in batches
	Cumulative Forwarder = schema.Cumulative // gets totals, unsealed
)

const (
	// MaxLease is the longest lease. One that ends later was written by a clock
	// that was wrong.
	MaxLease = mirrordb.MaxLease

	// MaxRetryAfter is the longest delay a destination can ask for.
	MaxRetryAfter = 24 * time.Hour
)

// ErrLeased is returned while another process is sending.
var ErrLeased = errors.New("localstore: another process is sending")

// Request asks for a submission.
type Request struct {
	Forwarder Forwarder
	MaySend   bool          // whether this process may send at all
	Force     bool          // now, whatever the interval and the backoff say
	Interval  time.Duration // between accepted submissions
	Lease     time.Duration // how long it may take, at most MaxLease

	// Unlinkable seals the batch under an id of its own and with whole hours.
	// Submissions are then spread over up to two intervals.
	Unlinkable bool

	// Rotation is how old the ids may be that a batch is sealed under; older ones
	// are changed. 0 keeps them, and so does an id that the application gave.
	Rotation time.Duration

	// Merge asks for cumulative totals over all versions in one part, under
	// Resource.
	Merge    bool
	Resource attribute.Set
}

// Submission is a batch, or the totals, that this process sends while it holds the
// lease.
type Submission struct {
	outbox  *Outbox
	request Request
	token   string
	batch   int64
	erased  int64 // erasures before it: after another one its ids name other rows
	mark    int64 // what shared totals it covers
	uploads []batch.Upload
	resumed bool
	left    bool

	retracts bool // what erasures left, see BeginRetraction

	sent    string       // the payload of the part handed out last
	sending *series.Part // handed out by Next, without an outcome yet
	standing
}

// Outbox is what waits to be sent, is being sent and was sent.
type Outbox struct {
	db       *mirrordb.DB
	book     *totals.Book
	importer *importer.Importer
	random   func() float64 // spreads retries
	facts    *Facts         // while the mirror is asleep
	waits    bool           // the shutdown waits long for the submission under way
}

// New returns the outbox of a mirror. random spreads retries: it returns
// numbers in [0, 1).
func New(db *mirrordb.DB, b *totals.Book, i *importer.Importer, random func() float64) *Outbox {
	return &Outbox{db: db, book: b, importer: i, random: random}
}

// missing reports an Outbox of a mirror that is not open.
func (out *Outbox) missing() bool { return out == nil || out.db == nil }

// Begin takes the lease and returns the submission that is due: the batch that is
// sealed and not settled, or a fresh one. It returns nil when nothing is due,
// [ErrNoConsent] when nothing may be sent, and [ErrLeased] while another process is
// sending.
func (out *Outbox) Begin(_ context.Context, r Request) (*Submission, error) {
	if out.missing() {
		return nil, mirrordb.ErrNotOpen
	}
	out.db.Lock()
	defer out.db.Unlock()
	if out.importer.Pending() != nil {
		out.importer.Import()
	}
	sub, err := out.begin(r, out.due, out.lease)
	return sub, mirrordb.Wrap("begin submission", err)
}

// begin leases what is due. The caller holds the
// mirror's lock.
func (out *Outbox) begin(r Request, due func(*mirrordb.Tx, Request) (bool, error), lease func(*mirrordb.Tx, Request) (*Submission, error)) (*Submission, error) {
	is := false
	err := out.db.View(out.db.Context(), func(tx *mirrordb.Tx) (err error) { is, err = due(tx, r); return err })
	if err != nil || !is {
		return nil, err
	}
	var sub *Submission
	begin := func() error {
		return out.db.Update(out.db.Context(), mirrordb.Durable, func(tx *mirrordb.Tx) error {
			sub = nil
			is, err := due(tx, r)
			if err != nil || !is {
				return err
			}
			sub, err = lease(tx, r)
			return err
		})
	}
	if r.Force {
		err = begin()
	} else {
		err = out.db.Briefly(begin) // there is a next check
	}
	if err != nil {
		return nil, err
	}
	return sub, nil
}

// missing reports a Submission that [Outbox.Begin] did not make, as where nothing
// was due.
func (sub *Submission) missing() bool { return sub == nil || sub.outbox == nil }

// lease takes the open batch, or seals one, for this process.
func (out *Outbox) lease(tx *mirrordb.Tx, r Request) (*Submission, error) {
	sub := out.newSubmission(tx, r)
	var err error
	if r.Forwarder == Cumulative {
		if r.Merge {
			sub.shared, sub.uploads, err = batch.MergedTotals(tx, r.Resource)
		} else {
			sub.shared, sub.uploads, err = batch.SharedTotals(tx)
		}
		if err != nil || len(sub.shared) == 0 {
			return nil, err
		}
	} else {
		if sub.batch, err = batch.Open(tx); err != nil {
			return nil, err
		}
		if sub.resumed = sub.batch != 0; !sub.resumed {
			if sub.batch, sub.left, err = batch.Seal(tx, out.sealing(r)); err != nil || sub.batch == 0 {
				return nil, err
			}
			out.book.ForgetTotals() // nothing is pending any more
		}
	}
	return sub, sub.renew(tx)
}

func (out *Outbox) sealing(r Request) batch.Sealing {
	s := batch.Sealing{Unlinkable: r.Unlinkable, Rotation: r.Rotation}
	if out.db.InstallationID != "" {
		s.Rotation = 0
	}
	return s
}

func (out *Outbox) newSubmission(tx *mirrordb.Tx, r Request) *Submission {
	return &Submission{outbox: out, request: r, token: uuid.NewString(), mark: tx.SharedMark, erased: tx.Erasures, standing: newStanding()}
}

func (sub *Submission) renew(tx *mirrordb.Tx) error {
	sub.until = tx.Now + int64(min(max(sub.request.Lease, time.Second), mirrordb.MaxLease))
	return tx.Run(`UPDATE mirror SET lease_token = ?1, lease_until = ?2`, sub.token, sub.until)
}

// holds reports whether the lease is still this submission's. A lease that has run
// out is, until another process takes it.
func (sub *Submission) holds(tx *mirrordb.Tx) bool {
	return tx.LeaseToken.Valid && tx.LeaseToken.String == sub.token
}

// Next returns the next part to send in this attempt, and nil after the last one.
func (sub *Submission) Next(context.Context) (*series.Part, error) {
	if sub.missing() {
		return nil, mirrordb.ErrNotOpen
	}
	out := sub.outbox
	out.db.Lock()
	defer out.db.Unlock()
	var part *series.Part
	lost := false
	err := sub.write(func(tx *mirrordb.Tx) error {
		part, lost = nil, false
		if !sub.holds(tx) {
			if over, err := sub.over(tx); over || err != nil {
				return err
			}
			lost = true
			return sub.overtaken(tx, Outcome{})
		}
		if !sub.request.MaySend || !tx.MaySend() {
			return fmt.Errorf("%w: %s", ErrNoConsent, tx.Consent().Reason)
		}
		var err error
		if part, err = sub.pick(tx); err != nil {
			return err
		}
		if part == nil {
			return out.endAttempt(tx, sub)
		}
		if sub.until-tx.Now > int64(sub.request.Lease)/2 {
			return nil
		}
		return sub.renew(tx)
	})
	if err == nil && lost {
		err = ErrLeaseLost
	}
	if err != nil {
		return nil, mirrordb.Wrap("read part", err)
	}
	sub.sending = part
	if part != nil {
		sub.tried[part.ID] = true // not before: what fails is run again
	}
	return part, nil
}

// over reports whether all of the submission is settled.
func (sub *Submission) over(tx *mirrordb.Tx) (bool, error) {
	if sub.request.Forwarder == Cumulative {
		return len(sub.shared) == 0, nil
	}
	if tx.Erasures != sub.erased || sub.retracts {
		return false, nil
	}
	n, err := tx.Find(`SELECT count(*) FROM batches WHERE id = ?1 AND settled_at IS NOT NULL`, sub.batch)
	return n > 0, err
}

// pick reads a part that was not tried.
func (sub *Submission) pick(tx *mirrordb.Tx) (*series.Part, error) {
	if sub.retracts {
		return sub.pickTombstone(tx)
	}
	if sub.request.Forwarder == Cumulative {
		if len(sub.shared) == 0 {
			return nil, nil
		}
		return sub.shared[0], nil
	}
	ids, err := tx.List(batch.NextParts, sub.batch)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if sub.tried[id] {
			continue
		}
		row, err := batch.ReadPart(tx, id)
		if err != nil {
			return nil, err
		}
		sub.sent = row.Payload
		return batch.PartOf(row.Payload, id, sub.batch)
	}
	return nil, nil
}

// Pause ends an attempt that made as many requests as it may. more says that
// the next one can follow at once.
func (sub *Submission) Pause(context.Context) (more bool, err error) {
	if sub.missing() {
		return false, mirrordb.ErrNotOpen
	}
	if sub.request.Forwarder == Cumulative {
		return true, nil
	}
	out := sub.outbox
	out.db.Lock()
	defer out.db.Unlock()
	err = sub.write(func(tx *mirrordb.Tx) error {
		if !sub.holds(tx) {
			return nil
		}
		return out.endAttempt(tx, sub)
	})
	return err == nil && sub.failed == nil, mirrordb.Wrap("pause submission", err)
}

// Failed returns why the attempt ended before the batch was settled although every
// request had an outcome: the destination refused points, which are tried again
// later. It is nil otherwise.
func (sub *Submission) Failed() error {
	if sub.missing() {
		return mirrordb.ErrNotOpen
	}
	return sub.failed
}

// Resumed reports whether the batch had been sealed before, so that what was
// recorded since is not in it.
func (sub *Submission) Resumed() bool { return sub != nil && sub.resumed }

// Left reports whether something that was recorded before the batch was sealed
// could not be in it, because a receiver takes one point of a stream at a time.
func (sub *Submission) Left() bool { return sub != nil && sub.left }

// Release gives the lease back without an outcome: the caller gave up, or consent
// to send was withdrawn. cutOff says that the process ends while a request is under
// way. That is a failure like any other: it is logged and followed by the same
// backoff. Otherwise, on a network that drops packets, every run of a short program
// would wait at its end.
func (sub *Submission) Release(_ context.Context, cutOff bool) error {
	if sub.missing() {
		return mirrordb.ErrNotOpen
	}
	out := sub.outbox
	out.db.Lock()
	defer out.db.Unlock()
	held := false
	err := out.db.Briefly(func() error {
		return sub.write(func(tx *mirrordb.Tx) error {
			held = sub.holds(tx)
			switch {
			case !held:
				return sub.overtaken(tx, Outcome{})
			case cutOff:
				return out.cutOff(tx, sub)
			}
			return totals.ReleaseLease(tx)
		})
	})
	if held && cutOff {
		out.waits = false
	}
	return mirrordb.Wrap("release submission", err) // otherwise it ends by itself
}

// cutOff notes an attempt that the end of its process cut off. Once
// cutOffsBeforeWait attempts were cut off, only one that the shutdown waited for
// counts.
func (out *Outbox) cutOff(tx *mirrordb.Tx, sub *Submission) error {
	err := tx.Run(`UPDATE mirror SET cut_off = cut_off + 1 WHERE cut_off < ?1 OR ?2`, cutOffsBeforeWait, out.waits)
	if err != nil {
		return err
	}
	var part, points int64
	if sub.sending != nil {
		part, points = sub.sending.ID, int64(sub.sending.Points())
	}
	return out.fail(tx, sub, part, points, Outcome{Verdict: Transient, Reason: "the program ended before an answer came"})
}

// ErrNoConsent is returned for a submission that the installation, or
// the process, may not make.
var ErrNoConsent = errors.New("localstore: no consent to send")

// ErrLeaseLost is returned for an outcome that arrives after another process has
// taken the lease over. Nothing was written.
var ErrLeaseLost = errors.New("localstore: lease was lost")
