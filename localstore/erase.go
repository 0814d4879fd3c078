package localstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
)

const (
	// erasePatience is how long Erase waits for other processes to let it
	// clean the file.
	erasePatience = 5 * time.Second

	// erasePause is how long it waits between tries.
	erasePause = 20 * time.Millisecond
)

// Erase deletes everything that was recorded, sent or is to be sent, gives the
// installation and the mirror new ids, overwrites what was deleted in the file
// and its log, and removes files that were set aside. What the person decided
// stays; so does a database of the reference implementation that was imported,
// which is another program's and is not imported again. Other processes that have
// the mirror open notice with their next recording: they record nothing of what
// they counted before. While one of them keeps the file from being cleaned it
// waits for up to five seconds or until the context ends, and then returns
// [ErrErasePending]. The context bounds that wait, and the one for another
// process that is writing, alone: everything is deleted also when it has ended. Nothing must be collected for this Store's writer
// meanwhile.
func (s *Store) Erase(ctx context.Context) error {
	if s.missing() {
		return ErrNotOpen
	}
	ctx = orBackground(ctx)
	s.lock()
	defer s.unlock()
	if err := s.usable(); err != nil {
		return wrap("erase", err)
	}
	// Deleted content is overwritten, in this transaction and what follows.
	if _, err := s.conn.exec("PRAGMA secure_delete = ON"); err != nil {
		return wrap("erase", err)
	}
	if err := s.writeUntil(ctx, s.erase); err != nil {
		return wrap("erase", err)
	}
	h, err := s.readHeader()
	if err != nil {
		return wrap("erase", err)
	}
	s.adopt(h) // the new ids
	if s.writer != nil {
		s.writer.ahead = h.observe(s.writer.maySend) // nothing is being collected
	}
	for until := time.Now().Add(erasePatience); ; {
		if err = s.finishErase(); !errors.Is(err, ErrErasePending) || time.Now().After(until) {
			return wrap("erase", err)
		}
		select {
		case <-ctx.Done():
			return wrap("erase", err)
		case <-time.After(erasePause):
		}
	}
}

// erased are the tables that are emptied.
var erased = []string{
	"totals", "days", "history", "current_states", "gauges", "occupancy", "active", "writers", "parts", "batches",
	"forwarders", "submission_log", "series", "metrics", formerNames, "trackables", "resources",
}

func (s *Store) erase(tx *transaction) error {
	for _, table := range erased {
		if err := tx.run("DELETE FROM " + table); err != nil {
			return fmt.Errorf("empty %s: %w", table, err)
		}
	}
	// How many rows there ever were tells of the past, too. Ids begin anew: what
	// a process remembers of the rows is forgotten with the epoch, and the
	// outcome of a submission needs a lease, which is gone.
	if err := tx.run("DELETE FROM sqlite_sequence"); err != nil {
		return fmt.Errorf("empty counters: %w", err)
	}
	err := tx.run(`UPDATE mirror SET mirror_id = ?1, installation_id = ?2, created_at = ?3, sealed_until = ?3,
		epoch = epoch + 1, erasures = erasures + 1, erase_pending = 1, shared_mark = 0, lease_token = NULL, lease_until = 0,
		cut_off = 0, waited_at = 0, recorded_day = 0`, uuid.NewString(), uuid.NewString(), tx.now)
	return wrap("renew ids", err)
}

// finishErase removes what erased content may still be in: pages that were free
// before, the log, and files that were set aside. Everything is deleted by then:
// any failure leaves the rest to the next try.
func (s *Store) finishErase() error {
	s.conn.waitAtMost(erasePause)
	defer s.conn.waitAtMost(s.patience())
	steps := []func() error{s.conn.dropFreePages, s.conn.mergeLog, s.removeAside, func() error {
		return s.conn.immediate(func() error { return s.conn.run(`UPDATE mirror SET erase_pending = 0`) })
	}}
	for _, step := range steps {
		if err := step(); errors.Is(err, ErrErasePending) || hasCode(err, codeBusy) {
			return ErrErasePending
		} else if err != nil {
			return fmt.Errorf("%w: %w", ErrErasePending, err)
		}
	}
	return nil
}

// dropFreePages writes the file anew without pages that are not in use: what
// was trimmed and expired in earlier days is in them, not overwritten.
func (c *connection) dropFreePages() error {
	free, err := c.pragma("freelist_count")
	if err != nil || free == 0 {
		return err
	}
	_, err = c.exec("PRAGMA temp_store = MEMORY; VACUUM")
	return err
}

// mergeLog empties the write-ahead log.
func (c *connection) mergeLog() error {
	var busy, log, merged int64
	err := c.conn.QueryRowContext(background, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &merged)
	if err == nil && busy != 0 {
		return ErrErasePending
	}
	return err
}

func (s *Store) removeAside() error {
	aside, err := filepath.Glob(globEscape(s.path) + damagedInfix + "*")
	if err != nil {
		return err
	}
	for _, path := range aside {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// globEscape makes a path match itself alone.
func globEscape(path string) string {
	escaped := make([]byte, 0, len(path))
	for _, b := range []byte(path) {
		if (b == '*' || b == '?' || b == '[') && filepath.Separator == '/' {
			escaped = append(escaped, '[', b, ']')
			continue
		}
		escaped = append(escaped, b)
	}
	return string(escaped)
}

// Retraction returns what takes back the states this installation is said to be
// in: a part per resource with -1 for each. It is sent once, before [Store.Erase],
// and not kept. [ErrNoConsent] says that nothing may be sent.
func (s *Store) Retraction(_ context.Context, maySend bool) ([]*Part, error) {
	if s.missing() {
		return nil, ErrNotOpen
	}
	s.lock()
	defer s.unlock()
	var parts []*Part
	err := s.look(func(h header) error {
		if !maySend || !h.maySend() {
			return fmt.Errorf("%w: %s", ErrNoConsent, h.consent().Reason)
		}
		return s.conn.snapshot(func() (err error) {
			tx := &transaction{connection: s.conn, header: h, now: s.now().UnixNano()}
			parts, err = tx.retraction()
			return err
		})
	})
	return parts, wrap("read retraction", err)
}

func (tx *transaction) retraction() ([]*Part, error) {
	b := newBatchBuilder(tx)
	var all []placed
	var counts []int64
	err := tx.each(`SELECT series_id, state, accepted FROM occupancy WHERE accepted <> 0 ORDER BY series_id, state`,
		func(rows *sql.Rows) error {
			var p placed
			var n int64
			err := rows.Scan(&p.series, &p.state, &n)
			all, counts = append(all, p), append(counts, n)
			return err
		})
	if err != nil {
		return nil, err
	}
	for i, p := range all {
		if err := b.addPlaced(p, -counts[i]); err != nil {
			return nil, err
		}
	}
	var parts []*Part
	for _, resource := range b.order {
		start, end := tx.nextInterval()
		p, err := b.payload(resource, start, end)
		if err != nil {
			return nil, err
		}
		part, err := p.part(0, 0)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// resourceText returns a resource's attributes as they are kept.
func (tx *transaction) resourceText(id int64) (text string, err error) {
	err = tx.each(`SELECT attributes FROM resources WHERE id = ?1`, func(rows *sql.Rows) error { return rows.Scan(&text) }, id)
	return text, wrap("read resource", err)
}
