// Package localstore keeps the mirror: a SQLite file with everything an application
// counted, over all its runs, open to the person whose usage it is.
//
//	sqlite3 usage.db 'select * from statistics'
//
// The views statistics, states, timers, sequences and submissions are for people.
//
// # Who writes and who reads it
//
// [Open] gives a [Store], the ledger of a Tracker. An exporter records into it
// through [Store.Writer] and sends through [Store.Outbox], see packages recording
// and outbox. Many processes may have the same file open; a mirror belongs to one
// application. Where a database of the Python library lies at the path, the mirror
// is NAME.mirror.db beside it and takes over its totals, once: [ImportFrom].
//
// [Store.Snapshot], [Store.Preview], [Store.Sent] and [Store.Examine] read it for
// people, see package snapshot. They keep nobody from recording, and work on a Store
// opened with [ReadOnly].
//
// # Consent
//
// [Store.SetMode] decides for this installation, [Decide] also before there is a
// mirror. The decision stands in a file beside it, too, usage.db.consent: off, local
// or on; the stricter of the two applies. Counts recorded without consent are never
// sent later.
//
// # Guarantees and caveats
//
// For every series, recorded = accepted + partial + in flight + pending + set aside +
// withheld; [Store.Balance] checks it. A recording is one transaction. It survives the
// death of the process, and a sealed batch a power failure too.
//
// A mirror lies on a local file system. Whatever opens its files in the same process
// by other means than a Store drops SQLite's locks on them, and other processes can
// then damage the mirror: use [Store.Backup]. A copied mirror is two writers with one
// id. GUARANTEES.md and LIMITS.md beside this file have the rest.
package localstore

// The words of this module. Each is used for one thing alone.
//
//	mirror       the SQLite file, and what it holds
//	Store        an open mirror, as an application has it
//	ledger       what remembers trackables across runs
//	trackable    a Statistic, State, Timer or Sequence; it is declared
//	metric       what OpenTelemetry calls so: a trackable has one or two
//	series       a resource, a metric and a set of attributes; it has a total
//	recording    what was counted between two collections, written in one transaction
//	collection   the SDK reads all instruments
//	pending      recorded, may be sent, waits to be sealed
//	withheld     recorded without consent, never sent
//	seal         to make a batch of what is pending
//	batch        what one interval is sent as: a part per resource
//	part         what one request carries; it has an outcome
//	settle       to write what the outcome of a part means
//	submission   one batch, or the totals, on its way: begun, then sent part by part
//	lease        who may send, until when
//	in flight    sealed and not settled
//	accepted     settled: the destination has it
//	partial      settled: the destination has processed the part and rejected some points for good
//	set aside    of points: refused for good, kept, not sent again; of a file: damaged, renamed
//	shared       allowed to be sent, as a lifetime total or a state
//	decision     what the person chose: off, local or on; it raises the epoch
//	erasure      everything is deleted and the ids are new
//	tombstone    what an erasure keeps until the destination has taken a state back
//	original     a database of the Python library; it is read and never changed
//	export       a document for people: CSV, report, JSON
