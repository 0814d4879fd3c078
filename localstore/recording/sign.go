package recording

import (
	"encoding/json"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
)

// keepWriters is how many other writers' numbers stay in the file, beside
// those of the last day, and of those whose journals wait.
const keepWriters = 100

// sign writes the number of a writer's recording.
func sign(tx *mirrordb.Tx, writer string, seq int64) error {
	return tx.Run(`INSERT INTO writers (id, seq, committed_at) VALUES (?1, ?2, ?3)
		ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, committed_at = excluded.committed_at`, writer, seq, tx.Now)
}

// oldWriters says of a row that nobody asks for its number any more, unless its
// writer has a journal.
const oldWriters = `committed_at < ?1 AND rowid <= (SELECT max(rowid) - ?2 FROM writers)`

// purgeWriters drops the numbers of writers that ended long ago.
func (s *Recorder) purgeWriters(tx *mirrordb.Tx) error {
	before := tx.Now - instant.NanosecondsPerDay
	n, err := tx.Find(`SELECT count(*) FROM writers WHERE `+oldWriters, before, keepWriters)
	if err != nil || n == 0 {
		return err
	}
	spared, ok := writersOfJournals(s.db.Path())
	if !ok {
		return nil // another time
	}
	list, err := json.Marshal(spared)
	if err != nil {
		return err
	}
	return tx.Run(`DELETE FROM writers WHERE `+oldWriters+` AND id NOT IN (SELECT value FROM json_each(?3))`,
		before, keepWriters, string(list))
}

// writersOfJournals returns whose journals there are; ok is false where a later
// version's may be anybody's.
func writersOfJournals(path string) (ids []string, ok bool) {
	ids = []string{}
	for _, found := range journalpool.List(path) {
		if found.Standing == journalpool.Newer {
			return nil, false
		}
		if found.Content != nil {
			ids = append(ids, found.Content.Writer)
		}
	}
	return ids, true
}

// RecordFor makes a recording in the name of a writer that is gone, under its next
// number. Share says whether it may be sent.
func (s *Recorder) RecordFor(tx *mirrordb.Tx, writer string, seq int64, r Recording, share bool) error {
	if s.missing() {
		return mirrordb.ErrNotOpen
	}
	if err := s.record(tx, &r, share); err != nil {
		return err
	}
	return s.SignFor(tx, writer, seq)
}

// SignFor writes a number in the name of a writer that is gone.
func (s *Recorder) SignFor(tx *mirrordb.Tx, writer string, seq int64) error {
	if s.missing() {
		return mirrordb.ErrNotOpen
	}
	return mirrordb.Wrap("sign recording", sign(tx, writer, seq))
}
