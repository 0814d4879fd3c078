package mirrordb

import (
	"database/sql"
	"fmt"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/decision"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// Header is the row that each transaction reads first. It says what was decided and
// who sends, and shows what other processes did meanwhile.
type Header struct {
	Version, DataVersion int64
	Identity
	Mode           consent.Mode
	ModeSince      int64
	RequireConsent int64 // notRequired, required or requiredAfterLoss
	Epoch          int64
	Erasures       int64
	ErasePending   bool
	Imported       bool
	SealedUntil    int64
	SharedMark     int64
	LeaseToken     sql.NullString
	LeaseUntil     int64
	Former         int64 // the resource of former versions

	Stored        consent.Mode // what the mirror says, where the decision file is stricter
	Decided       int64        // when the decision file was written, 0 without one
	WrongDecision string       // why the decision file cannot be understood
	Distrusted    string       // why one that says on does not count
}

// FormerAttributes are those of the resource of former versions. Each fold
// gives it another row: by that others notice that rows they remember are gone.
const FormerAttributes = `{"` + otelusage.ReservedPrefix + `former":true}`

// selectHeaderReading looks for a resource without the index, whose search would
// load an absurdly long one. There are few.
var (
	selectHeader        = headerQuery("resources")
	selectHeaderReading = headerQuery("(SELECT id, " + schema.Loaded("attributes", schema.NoObject) + " AS attributes FROM resources NOT INDEXED)")
)

func headerQuery(resources string) string {
	return `SELECT (SELECT user_version FROM pragma_user_version), (SELECT data_version FROM pragma_data_version),
	` + schema.Loaded("mirror_id", schema.Nothing) + `, ` + schema.Loaded("installation_id", schema.Nothing) + `, created_at, mode, mode_since, require_consent, epoch, erasures, erase_pending, imported, sealed_until, shared_mark,
	` + schema.Loaded("lease_token", schema.Unreadable) + `, lease_until, coalesce((SELECT id FROM ` + resources + ` WHERE attributes = '` + FormerAttributes + `'), 0) FROM mirror`
}

// Why sending takes a decision, as the mirror stores it.
const (
	NotRequired       = iota
	Required          // a program asked for it
	requiredAfterLoss // an earlier mirror was lost, and no decision was found
)

func (h *Header) MaySend() bool {
	return h.WrongDecision == "" && (h.Mode == consent.ModeOn || h.Mode == consent.ModeUnset && h.RequireConsent == NotRequired)
}

// Leased reports whether a process is sending. A lease that ends later than
// MaxLease from now was written by a clock that was wrong, and does not count.
func (h *Header) Leased(now int64) bool {
	return h.LeaseToken.Valid && now < h.LeaseUntil && h.LeaseUntil-now <= int64(MaxLease)
}

// MaxLease is the longest lease. One that ends later was written by a clock that
// was wrong.
const MaxLease = 10 * time.Minute

// Wrap says what failed; nil stays nil.
func Wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

func (h *Header) Consent() consent.Consent {
	c := consent.Consent{Mode: h.Mode, Sending: h.MaySend(), ShouldAsk: h.Mode == consent.ModeUnset && h.RequireConsent != NotRequired}
	if h.ModeSince != 0 {
		c.Since = time.Unix(0, h.ModeSince).UTC()
	}
	switch {
	case h.Mode == consent.ModeOff:
		c.Reason = "recording is switched off"
	case h.Mode == consent.ModeLocal:
		c.Reason = "sending is switched off, usage is recorded on this machine only"
	case h.WrongDecision != "":
		c.Reason = "the file beside the mirror that says what was decided " + h.WrongDecision
	case h.Mode == consent.ModeOn:
		c.Reason = "sending is switched on"
	case h.RequireConsent == requiredAfterLoss:
		c.Reason = "the mirror was lost, and with it what was decided: nothing is sent until somebody decides"
	case h.RequireConsent != NotRequired:
		c.Reason = "consent is required and was not given yet"
	default:
		c.Reason = "consent is not required"
	}
	c.Reason += h.Unheeded()
	return c
}

// Unheeded says why a decision file does not count.
func (h *Header) Unheeded() string {
	if h.Mode != consent.ModeUnset || h.Distrusted == "" {
		return ""
	}
	return "; the file beside the mirror that says on does not count, because it " + h.Distrusted
}

// Decide lets the decision file hold beside what the mirror stores.
func (h *Header) Decide(d decision.Decision) {
	h.Stored, h.Decided, h.WrongDecision, h.Distrusted = h.Mode, d.Changed, d.Wrong, d.Distrusted
	if mode := decision.Strictest(h.Mode, d.Mode); mode != h.Mode {
		h.Mode, h.ModeSince = mode, d.Since
	}
}

// Identity is what the mirror row says for good, or until Erase.
type Identity struct {
	Mirror, Installation string
	CreatedAt            int64
}
