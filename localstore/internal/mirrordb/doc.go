// Package mirrordb is a mirror as a file that many processes use: it opens and makes
// it, follows it when another one takes its place, sets a damaged one aside, and
// runs transactions.
//
// There are two verbs. [DB.Update] runs a transaction, [Relaxed] or [Durable];
// [DB.View] reads one state of the file, and [DB.Look] is View for who does not hold
// the lock. Each of them reads the [Header] first: who may write, what was decided,
// and what other processes did meanwhile. What an attempt does may be run again, on
// a fresh connection or on what took the place of a damaged file.
//
// # Locks
//
// [DB.Lock] excludes the other goroutines of this process. It is taken before the
// lock file, and the lock file before SQLite's locks. Errors that have no caller
// are kept, and [DB.Unlock] hands them to the error handler after it has given the
// lock back, so that the handler may use the mirror.
//
// # Rooms above
//
// This package does not know what is counted. The packages above set [Hooks], which
// are called at the moments of a file's life.
package mirrordb
