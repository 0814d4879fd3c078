// Package ledger remembers trackables across runs: it registers what is declared
// and returns the lifetime that earlier runs recorded.
//
// A declaration of a start reads the file once and writes nothing; what is new is
// written with the next transaction. The ledger's lock is taken after the file's, or
// without it.
package ledger
