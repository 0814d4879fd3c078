// Package recording writes what was counted into a mirror. It is for exporters.
//
// A Store has one [Writer], see localstore.Store.Writer. It takes a [Recording] per
// collection: what each series counted since the previous one, and the current
// States. A recording is written in one transaction, together with a number. If the
// COMMIT fails, reading the number back tells whether the recording is in the file.
//
// What was counted between two collections may be sent only if sending was allowed
// before the first one and is allowed now, under the same decision: then it was
// allowed in between, too.
//
// A Writer may keep a journal, see [Writer.Keep], which says what each series counted
// beyond the mirror: whoever records after this process died recovers that. Each
// recording prepares the journal first, and settles it once its outcome is known.
package recording
