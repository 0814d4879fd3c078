// Package sqlitedb is the one place that knows the SQLite driver: connections with
// their statements and transactions, result codes, the write-ahead log, and a
// lock that ends with its process.
//
// A [Conn] is used by one goroutine at a time; the caller must ensure that. Reading
// ends with a context ([Conn.EndWith]); a write that has begun is never cut short.
// A COMMIT that fails is a [CommitError]: the transaction may or may not be in the
// file.
package sqlitedb
