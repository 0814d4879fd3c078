// Package localstore keeps the mirror: a SQLite file with everything an
// application counted, over all its runs, open to the person whose usage it is.
//
// # What is in the file
//
// The views statistics, states, timers, sequences and submissions are for
// people:
//
//	sqlite3 usage.db 'select * from statistics'
//
// Behind them a total is kept per series (resource, scope, metric and
// attributes), the running total after each of its latest exports and at the
// end of each UTC day, and the outbox: what waits for the next submission, what
// is under way and what was sent.
//
// # Who writes it
//
// [Open] gives a [Store]. It is the ledger of a Tracker, which registers its
// trackables in it and reads their lifetimes; and through its one [Writer] an
// exporter records into it and takes submissions from it. Many processes may
// have the same file open; a mirror belongs to one application.
//
// # Coming from the reference implementation
//
// Where NAME.db and NAME.part.db of the Python library anonymoususage lie at the
// configured path, the mirror is NAME.mirror.db beside them and takes their
// totals over, once: [ImportFrom].
//
// # Who reads it
//
// [Store.Snapshot] reads what the file held at one moment, [Store.Preview] what
// the next submission would send, [Store.Sent] what was sent, and
// [Store.Examine] checks the file. They work on a store opened with [ReadOnly],
// keep nobody from recording, and are what package inspect and package view
// show.
//
// # Consent
//
// [Store.SetMode] decides for this installation: [ModeOff] records nothing,
// [ModeLocal] records and sends nothing, [ModeOn] sends. What was recorded
// without consent is never sent later. The decision also stands in a file
// beside the mirror, usage.db.consent: off, local or on. The stricter of the two
// holds, and [Decide] makes it before there is a mirror. What another user than
// this one and root could have written there may forbid to send and never allows
// it; what is not this user's to change is left as it is, see [ErrOverruled].
// [Circumstances] weighs environment and configuration on top of it.
//
// # Guarantees
//
// For every series, recorded = accepted + partial + in flight + pending + set
// aside + withheld; [Store.Balance] checks it. A recording is one transaction,
// and whether one whose commit failed took place is read back from the file,
// never guessed. Recording commits survive the death of the process and may be
// lost with the power; a sealed batch survives that too.
//
// # Caveats
//
// A mirror lies on a local file system: SQLite's locks do not hold on most
// network ones. Where files cannot be mapped into memory it has a rollback
// journal in place of the write-ahead log, and readers wait for writers. Where
// every user can write in a directory, as on some mounts of another system's
// disks, there can be none. An application must not open its own mirror's files by
// any other means than a Store, as with os.ReadFile for a support bundle or with a
// second SQLite library: closing such a file drops the locks that the whole process
// has on it, and processes beside it can then damage the mirror. [Store.Backup]
// gives it a copy, [Snapshot.WriteJSON] a document. SQLite offers no locks here that
// belong to an open file, and one of this package's own around each use of the mirror,
// which did prevent the damage when it was tried, would let whoever reads for long keep
// others from recording. It would not bind other programs either: so there is none.
// A copied mirror is two writers with one id.
//
// On Windows an open file cannot be renamed. A damaged mirror is set aside there by
// the last process that closes it, and usage.db.damaged beside it asks the others
// to, which they notice with their next call; a Store for looking or for changes on
// request ([ReadOnly], [Existing]) closes its file after some seconds without one.
package localstore
