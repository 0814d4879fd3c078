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
// [DB.Lock] keeps the goroutines of this process apart; it is taken before the lock
// file, and that one before SQLite's locks. What has no caller is kept and handed to
// the handler by [DB.Unlock], so that the handler may use the mirror.
//
// # Rooms above
//
// This package knows nothing of what is counted. What others have to do at the
// moments of a file's life are its [Hooks].
package mirrordb
