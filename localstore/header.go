package localstore

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/decision"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"go.opentelemetry.io/otel/attribute"
)

// header is what each transaction reads first: who may write, and what other
// processes did meanwhile.
type header struct {
	version, dataVersion int64
	identity
	mode           consent.Mode
	modeSince      int64
	requireConsent int64 // notRequired, required or requiredAfterLoss
	epoch          int64
	erasures       int64
	erasePending   bool
	imported       bool
	sealedUntil    int64
	sharedMark     int64
	leaseToken     sql.NullString
	leaseUntil     int64
	former         int64 // the resource of former versions

	stored        consent.Mode // what the mirror says, where the decision file is stricter
	wrongDecision string       // why the decision file cannot be understood
	distrusted    string       // why one that says on does not count
}

// formerAttributes are those of the resource of former versions. Each fold
// gives it another row: by that others notice that rows they remember are gone.
var formerAttributes = series.EncodeAttributes(attribute.NewSet(attribute.Bool(otelusage.ReservedPrefix+"former", true)))

// selectHeaderReading looks for a resource without the index, whose search would
// load an absurdly long one. There are few.
var (
	selectHeader        = headerQuery("resources")
	selectHeaderReading = headerQuery("(SELECT id, " + schema.Loaded("attributes", schema.NoObject) + " AS attributes FROM resources NOT INDEXED)")
)

func headerQuery(resources string) string {
	return `SELECT (SELECT user_version FROM pragma_user_version), (SELECT data_version FROM pragma_data_version),
	` + schema.Loaded("mirror_id", schema.Nothing) + `, ` + schema.Loaded("installation_id", schema.Nothing) + `, created_at, mode, mode_since, require_consent, epoch, erasures, erase_pending, imported, sealed_until, shared_mark,
	` + schema.Loaded("lease_token", schema.Unreadable) + `, lease_until, coalesce((SELECT id FROM ` + resources + ` WHERE attributes = '` + formerAttributes + `'), 0) FROM mirror`
}

func (s *DB) readHeader() (h header, err error) {
	ctx := s.conn.Context()
	query := selectHeader
	if s.readOnly {
		query = selectHeaderReading
	}
	stmt, err := s.conn.PreparedUntil(ctx, query)
	if err != nil && sqlitedb.HasCode(err, sqlitedb.CodeError) {
		return h, fmt.Errorf("read mirror: %w: %w", schema.ErrNoMirror, err)
	}
	if err != nil {
		return h, err
	}
	var mirror, installation sql.NullString
	err = stmt.QueryRowContext(ctx).Scan(&h.version, &h.dataVersion, &mirror, &installation, &h.createdAt,
		&h.mode, &h.modeSince, &h.requireConsent, &h.epoch, &h.erasures, &h.erasePending, &h.imported, &h.sealedUntil, &h.sharedMark, &h.leaseToken, &h.leaseUntil, &h.former)
	h.mirror, h.installation = mirror.String, installation.String
	if err == nil && !(mirror.Valid && installation.Valid) {
		err = fmt.Errorf("%w: its id is no text, or too long", schema.ErrNoMirror)
	}
	if err == nil && h.version > 0 {
		h.createdAt, h.sealedUntil = max(instant.Clamp(h.createdAt), 1), max(instant.Clamp(h.sealedUntil), 1)
		h.decide(s.decision.Read(s.path, s.asked))
		return h, nil
	}
	if err == nil {
		err = fmt.Errorf("%w: schema %d", schema.ErrNoMirror, h.version)
	}
	if errors.Is(err, sql.ErrNoRows) || sqlitedb.HasCode(err, sqlitedb.CodeError) {
		err = fmt.Errorf("%w: %w", schema.ErrNoMirror, err)
	}
	return h, fmt.Errorf("read mirror: %w", err)
}

// Why sending takes a decision, as the mirror stores it.
const (
	notRequired       = iota
	required          // a program asked for it
	requiredAfterLoss // an earlier mirror was lost, and no decision was found
)

func (h *header) maySend() bool {
	return h.wrongDecision == "" && (h.mode == consent.ModeOn || h.mode == consent.ModeUnset && h.requireConsent == notRequired)
}

// leased reports whether somebody is sending. A lease that ends later than one
// can was written by a clock that was wrong.
func (h *header) leased(now int64) bool {
	return h.leaseToken.Valid && now < h.leaseUntil && h.leaseUntil-now <= int64(MaxLease)
}

// MaxLease is the longest time for which a submission may be taken. A lease that
// ends later was written by a clock that was wrong.
const MaxLease = 10 * time.Minute

// wrap says what failed; nil stays nil.
func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

func (h *header) consent() consent.Consent {
	c := consent.Consent{Mode: h.mode, Sending: h.maySend(), ShouldAsk: h.mode == consent.ModeUnset && h.requireConsent != notRequired}
	if h.modeSince != 0 {
		c.Since = time.Unix(0, h.modeSince).UTC()
	}
	switch {
	case h.mode == consent.ModeOff:
		c.Reason = "recording is switched off"
	case h.mode == consent.ModeLocal:
		c.Reason = "sending is switched off, usage is recorded on this machine only"
	case h.wrongDecision != "":
		c.Reason = "the file beside the mirror that says what was decided " + h.wrongDecision
	case h.mode == consent.ModeOn:
		c.Reason = "sending is switched on"
	case h.requireConsent == requiredAfterLoss:
		c.Reason = "the mirror was lost, and with it what was decided: nothing is sent until somebody decides"
	case h.requireConsent != notRequired:
		c.Reason = "consent is required and was not given yet"
	default:
		c.Reason = "consent is not required"
	}
	c.Reason += h.unheeded()
	return c
}

// unheeded is what is to be said of a decision file that does not count.
func (h *header) unheeded() string {
	if h.mode != consent.ModeUnset || h.distrusted == "" {
		return ""
	}
	return "; the file beside the mirror that says on does not count, because it " + h.distrusted
}

// decide lets the decision file hold beside what the mirror stores.
func (h *header) decide(d decision.Decision) {
	h.stored, h.wrongDecision, h.distrusted = h.mode, d.Wrong, d.Distrusted
	if mode := decision.Strictest(h.mode, d.Mode); mode != h.mode {
		h.mode, h.modeSince = mode, d.Since
	}
}
