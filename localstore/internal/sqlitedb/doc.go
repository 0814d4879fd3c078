// Package sqlitedb is the one place that knows the SQLite driver: connections with
// their statements and transactions, result codes, the write-ahead log, and a
// lock that ends with its process.
//
// A [Conn] belongs to one goroutine at a time; its caller sees to that. Reading
// ends with a context ([Conn.EndWith]); what has begun to write is never cut
// short. A COMMIT that fails is a [CommitError]: the transaction may be in the
// file and may not.
package sqlitedb
