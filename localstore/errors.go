package localstore

import (
	"errors"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/ledger"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/python"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
)

var (
	// ErrClosed is returned by every method of a closed Store.
	ErrClosed = mirrordb.ErrClosed

	// ErrNotOpen is returned by the methods of a nil Store, as a failed
	// [Open] leaves it.
	ErrNotOpen = mirrordb.ErrNotOpen

	// ErrReadOnly is returned by methods that would write to a Store opened with
	// [ReadOnly].
	ErrReadOnly = mirrordb.ErrReadOnly

	// ErrNotMirror is returned for a file that is no mirror and never was
	// one: another database, another format, a directory, a device, a link
	// to nothing. It is left as it is.
	ErrNotMirror = place.ErrNotMirror

	// ErrOptedOut is returned, with ErrNotMirror, where a link to the null
	// device lies in the mirror's place: a person's way to say that nothing
	// is to be recorded.
	ErrOptedOut = place.ErrOptedOut

	// ErrUntrusted is returned for a mirror that another user than this one
	// and root owns or that every user can write, as for files that SQLite
	// opens beside it, and for a directory in which every user can replace
	// files of others. Root also takes what the owner of the directory owns.
	ErrUntrusted = place.ErrUntrusted

	// ErrEmpty is returned, with ErrNotMirror, for an empty file by calls that do
	// not make a mirror. The application's first run makes one in that file.
	ErrEmpty = mirrordb.ErrEmpty

	// ErrDamaged is returned for a mirror that cannot be read and that a Store
	// opened with [ReadOnly] or [Existing] does not set aside.
	ErrDamaged = mirrordb.ErrDamaged

	// ErrBusy is returned when other processes kept the mirror busy for longer
	// than the busy timeout. On Windows that includes a damaged mirror which
	// they have open: it can be set aside once they noticed.
	ErrBusy = mirrordb.ErrBusy

	// ErrNewerSchema is returned for a mirror that a newer version of this
	// package has written. It is left as it is.
	ErrNewerSchema = schema.ErrNewer

	// ErrOverruled is returned for a decision that does not take effect because the
	// file beside the mirror is stricter and this user may not change it: it is an
	// administrator's, or no regular file.
	ErrOverruled = errors.New("localstore: the file beside the mirror is stricter")

	// ErrErasePending is returned when everything was erased but another process
	// kept the file from being cleaned. The erased bytes may still be in it until
	// an Open or Erase can clean it.
	ErrErasePending = mirrordb.ErrErasePending

	// ErrInvalidID is returned for an installation id that cannot be used.
	ErrInvalidID = schema.ErrInvalidID

	// ErrOriginal is reported, and returned by submissions of lifetime totals,
	// while a database of the Python library is to be imported and cannot be read:
	// totals without it would replace a user's years with small numbers.
	ErrOriginal = python.ErrOriginal

	// ErrRenamed is returned for the declaration of a name that another trackable
	// of the same program had: an older release may still count under it. Until
	// one of them gets another name, both count as one.
	ErrRenamed = ledger.ErrRenamed

	// ErrNoConsent is returned for a submission that the installation, or the
	// process, may not make.
	ErrNoConsent = outbox.ErrNoConsent

	// ErrLeased is returned while another process is sending.
	ErrLeased = outbox.ErrLeased
)
