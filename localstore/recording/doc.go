// Package recording writes what was counted into a mirror: for exporters.
//
// The one [Writer] of a Store, see localstore.Store.Writer, takes a [Recording] per
// collection: what each series counted since the one before, and the States as they
// stand. It is written in one transaction, and signed with a number by which its
// outcome can be told where the commit failed.
//
// What was counted may be sent only if that was allowed before the first of the
// collections that it lies between, and is allowed now, under the same decision:
// then it was allowed in between, too.
//
// A Writer may keep a journal, see [Writer.Keep], which says what each series counted
// beyond the mirror: whoever records after this process died recovers that. Each
// recording prepares the journal first, and settles it once its outcome is known.
package recording
