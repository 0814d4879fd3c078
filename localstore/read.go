package localstore

import (
	"context"
	"io"

	"github.com/anonymoususage/anonymoususage-go/localstore/health"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

// Outbox returns the outbox, which is for exporters: what waits to be sent, is
// being sent and was sent.
func (s *Store) Outbox() *outbox.Outbox {
	if s.missing() {
		return nil
	}
	return s.outbox
}

// Writer returns the Store's writer, which is for exporters; the error is
// [recording.ErrInUse] while there is one. maySend says whether the process may
// send what it counts from now on.
func (s *Store) Writer(maySend bool) (*recording.Writer, error) {
	if s.missing() {
		return nil, ErrNotOpen
	}
	return s.recorder.Writer(maySend)
}

// reader returns nil where there is no mirror, whose methods say so.
func (s *Store) reader() *snapshot.Reader {
	if s.missing() {
		return nil
	}
	return s.reads
}

// Snapshot reads what a query asks for, as it was at one moment, whatever other
// processes write meanwhile. Declarations that wait to be written are included, and
// so is what processes keep in journals since they last recorded, or died. It
// stops when ctx ends, even while another call uses the Store, another process
// keeps the file locked, or a query would not end by itself.
func (s *Store) Snapshot(ctx context.Context, q snapshot.Query) (*snapshot.Snapshot, error) {
	return s.reader().Snapshot(ctx, q)
}

// Revision returns a text that differs after every change of the file or of a journal
// beside it, by whichever process. See [snapshot.Reader.Revision].
func (s *Store) Revision(ctx context.Context) (string, error) { return s.reader().Revision(ctx) }

// Balance returns the balance of every series. It stops when ctx ends.
func (s *Store) Balance(ctx context.Context) ([]health.Balance, error) {
	if s.missing() {
		return nil, ErrNotOpen
	}
	return health.Balances(ctx, s.db)
}

// Examine checks the file and says what it holds. See [health.Examine].
func (s *Store) Examine(ctx context.Context, progress func(done, of int)) (*health.Health, error) {
	if s.missing() {
		return nil, ErrNotOpen
	}
	return health.Examine(ctx, s.db, progress)
}

// Sent returns what was sent in a batch, of which the latest 20 are kept; 0 asks
// for all of them. See [snapshot.Reader.Sent].
func (s *Store) Sent(ctx context.Context, batch int64) ([]snapshot.SentPart, error) {
	return s.reader().Sent(ctx, batch)
}

// Preview returns exactly what the next submission of a forwarder would send,
// and changes nothing. See [snapshot.Reader.Preview].
func (s *Store) Preview(ctx context.Context, r outbox.Request) (*snapshot.Preview, error) {
	return s.reader().Preview(ctx, r)
}

// WritePreview writes what the next submission to a delta forwarder would send
// as [snapshot.Preview.WriteJSON] does.
func (s *Store) WritePreview(ctx context.Context, w io.Writer) error {
	return s.reader().WritePreview(ctx, w)
}

// WriteCSV writes the totals as CSV. See [snapshot.Snapshot.WriteCSV].
func (s *Store) WriteCSV(w io.Writer, order snapshot.Order) error {
	return s.reader().WriteCSV(w, order)
}

// WriteReport writes the totals as text for people. See [snapshot.Snapshot.WriteReport].
func (s *Store) WriteReport(w io.Writer) error { return s.reader().WriteReport(w) }

// WriteJSON writes all that is recorded as one JSON object. See
// [snapshot.Snapshot.WriteJSON].
func (s *Store) WriteJSON(w io.Writer) error { return s.reader().WriteJSON(w) }
