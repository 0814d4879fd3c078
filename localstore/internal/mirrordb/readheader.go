package mirrordb

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

func (db *DB) ReadHeader() (h Header, err error) {
	ctx := db.Conn.Context()
	query := selectHeader
	if db.ReadOnly {
		query = selectHeaderReading
	}
	stmt, err := db.Conn.PreparedUntil(ctx, query)
	if err != nil && sqlitedb.HasCode(err, sqlitedb.CodeError) {
		return h, fmt.Errorf("read mirror: %w: %w", schema.ErrNoMirror, err)
	}
	if err != nil {
		return h, err
	}
	var mirror, installation sql.NullString
	err = stmt.QueryRowContext(ctx).Scan(&h.Version, &h.DataVersion, &mirror, &installation, &h.CreatedAt,
		&h.Mode, &h.ModeSince, &h.RequireConsent, &h.Epoch, &h.Erasures, &h.ErasePending, &h.Imported, &h.SealedUntil, &h.SharedMark, &h.LeaseToken, &h.LeaseUntil, &h.Former)
	h.Mirror, h.Installation = mirror.String, installation.String
	if err == nil && !(mirror.Valid && installation.Valid) {
		err = fmt.Errorf("%w: its id is no text, or too long", schema.ErrNoMirror)
	}
	if err == nil && h.Version > 0 {
		h.CreatedAt, h.SealedUntil = max(instant.Clamp(h.CreatedAt), 1), max(instant.Clamp(h.SealedUntil), 1)
		h.Decide(db.decision.Read(db.path, db.asked))
		return h, nil
	}
	if err == nil {
		err = fmt.Errorf("%w: schema %d", schema.ErrNoMirror, h.Version)
	}
	if errors.Is(err, sql.ErrNoRows) || sqlitedb.HasCode(err, sqlitedb.CodeError) {
		err = fmt.Errorf("%w: %w", schema.ErrNoMirror, err)
	}
	return h, fmt.Errorf("read mirror: %w", err)
}
